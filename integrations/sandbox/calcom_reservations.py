"""Reservations: soft holds that hide a slot and bind nobody."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.utils import timezone

from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_errors import Invalid, Refusal, moment, violation
from integrations.sandbox.calcom_event_types import seats_of, setting
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import (
    CalcomBooking,
    CalcomEventType,
    CalcomReservation,
)

USUAL_MIN = 5
RESERVED = (
    "This time slot is already reserved by another user. Please choose a different"
    " time."
)
_MEMBERS = ("eventTypeId", "slotStart", "slotDuration", "reservationDuration")


def reserve(call: Call) -> Response:
    """Reserve a slot, working hours or not, past or not."""
    _validate(call.body)
    event_type, minutes = _wanted(call)
    start = check.instant(call.body["slotStart"])
    end = check.end_of(start, _length(event_type, call.body))
    _refuse_taken(event_type, start, end)
    row = CalcomReservation.objects.create(
        event_type=event_type,
        starts_at=start,
        ends_at=end,
        until=timezone.now() + timedelta(minutes=minutes),
    )
    told = _told(row, minutes)
    return Response(201, {"status": "success", "data": told})


def read(call: Call) -> Response:
    """Answer a reservation, null where there is none or it is over."""
    row = _row(call.ids[0])
    told = None if row is None or row.until <= timezone.now() else _told(row)
    return Response(200, {"status": "success", "data": told})


def move(call: Call) -> Response:
    """Move a reservation; it stands in its own way."""
    _validate(call.body)
    event_type, minutes = _wanted(call)
    row = _row(call.ids[0])
    if row is None:
        raise Refusal(404, f"Slot with uid={call.ids[0]} not found")
    start = check.instant(call.body["slotStart"])
    end = check.end_of(start, _length(event_type, call.body))
    _refuse_taken(event_type, start, end)
    row.event_type, row.starts_at, row.ends_at = event_type, start, end
    row.until = timezone.now() + timedelta(minutes=minutes)
    row.save()
    return Response(200, {"status": "success", "data": _told(row, minutes)})


def release(call: Call) -> Response:
    """Forget a reservation, also one that never was."""
    row = _row(call.ids[0])
    if row is not None:
        row.delete()
    return Response(200, {"status": "success"})


def _validate(body: Json) -> None:
    target = {name: body[name] for name in _MEMBERS if name in body}
    errors = []
    if not check.is_integer(body.get("eventTypeId")):
        text = "eventTypeId must be an integer number"
        errors.append(violation(target, "eventTypeId", "isInt", text))
    if not check.is_instant(body.get("slotStart")):
        text = "slotStart must be a valid ISO 8601 date string"
        errors.append(violation(target, "slotStart", "isDateString", text))
    for name in ("slotDuration", "reservationDuration"):
        value: Any = body.get(name)
        if value is not None and not check.is_integer(value):
            text = f"{name} must be an integer number"
            errors.append(violation(target, name, "isInt", text))
    if errors:
        raise Invalid(errors)


def _wanted(call: Call) -> tuple[CalcomEventType, int]:
    minutes = call.body.get("reservationDuration")
    if minutes is not None and call.user is None:
        raise Refusal(
            401,
            "reservationDuration can only be used for authenticated requests - use"
            " access token, api key or OAuth credentials",
        )
    number = call.body["eventTypeId"]
    rows = CalcomEventType.objects.select_related("owner")
    event_type = rows.filter(pk=number).first()
    if event_type is None:
        raise Refusal(404, f"Event Type with ID={number} not found")
    if minutes is not None and not event_type.owner.is_reached_by(call.user):
        raise Refusal(
            403,
            "authenticated user is not owner of event type with id="
            f"{number} nor shares a team with it, and can't set reservationDuration",
        )
    return event_type, USUAL_MIN if minutes is None else int(minutes)


def _length(event_type: CalcomEventType, body: Json) -> int:
    wanted = body.get("slotDuration")
    options = setting(event_type, "lengthInMinutesOptions") or []
    if wanted is None:
        return event_type.length_min
    if not options:
        raise Refusal(
            400,
            "You passed 'slotDuration' but this event type is not variable length."
            " Remove 'slotDuration' from the request.",
        )
    if wanted not in options:
        raise Refusal(
            400,
            "Provided 'slotDuration' is not one of the possible lengths for the event"
            " type. The possible lengths for this variable length event type are: "
            + ", ".join(str(option) for option in options),
        )
    return int(wanted)


def _refuse_taken(event_type: CalcomEventType, start: Any, end: Any) -> None:
    booked = CalcomBooking.objects.filter(
        event_type=event_type,
        status__in=("accepted", "pending"),
        starts_at__lt=end,
        ends_at__gt=start,
    ).first()
    seats = seats_of(event_type)
    if booked and not seats:
        raise Refusal(422, "Can't reserve a slot if the event is already booked.")
    if booked and booked.attendees.count() >= seats:
        raise Refusal(
            422,
            f"Booking with id={event_type.pk} at {moment(start)} has no more seats"
            " left.",
        )
    held = CalcomReservation.objects.filter(
        event_type=event_type,
        until__gt=timezone.now(),
        starts_at__lt=end,
        ends_at__gt=start,
    )
    if held.exists():
        raise Refusal(422, RESERVED)


def _row(uid: str) -> CalcomReservation | None:
    try:
        number = uuid.UUID(uid)
    except ValueError:
        return None
    return CalcomReservation.objects.filter(uid=number).first()


def _told(row: CalcomReservation, minutes: int | None = None) -> Json:
    length = row.ends_at - row.starts_at
    told: Json = {
        "eventTypeId": row.event_type_id,
        "slotStart": moment(row.starts_at),
        "slotEnd": moment(row.ends_at),
        "slotDuration": length // timedelta(minutes=1),
        "reservationUid": str(row.uid),
    }
    if minutes is not None:
        told["reservationDuration"] = minutes
    return told | {"reservationUntil": moment(row.until)}
