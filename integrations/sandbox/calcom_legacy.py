"""The oldest version, which a missing or unknown header stands for.

Only as far as a mistake in the header has to look like one: lists and objects have
other shapes there, and a booking is refused.
"""

from __future__ import annotations

from typing import Any

from integrations.sandbox import calcom_event_types as event_types
from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_bookings import find
from integrations.sandbox.calcom_errors import Invalid, moment, violation
from integrations.sandbox.calcom_event_types import BOOKER_URL, setting
from integrations.sandbox.calcom_lists import bookings_of
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import CalcomBooking, CalcomEventType, CalcomUser

PAGE = 10
_CREATE_MEMBERS = ("start", "end", "eventTypeId", "timeZone", "language", "metadata")


def refuse_create(call: Call) -> Response:
    """Refuse a booking in the newer form: its members stand elsewhere here."""
    body = call.body
    target = {name: body[name] for name in _CREATE_MEMBERS if name in body}
    errors: list[Json] = []
    rules: list[tuple[str, bool, str, str]] = [
        (
            "start",
            check.is_instant(body.get("start")),
            "isDateString",
            "start must be a valid ISO 8601 date string",
        ),
        (
            "eventTypeId",
            check.is_integer(body.get("eventTypeId")),
            "isNumber",
            "eventTypeId must be a number conforming to the specified constraints",
        ),
        (
            "timeZone",
            check.is_zone(body.get("timeZone")),
            "isTimeZone",
            "timeZone must be a valid IANA time-zone",
        ),
        (
            "language",
            isinstance(body.get("language"), str),
            "isString",
            "language must be a string",
        ),
        (
            "metadata",
            isinstance(body.get("metadata"), dict),
            "isObject",
            "metadata must be an object",
        ),
    ]
    for name, is_good, rule, text in rules:
        if not is_good:
            errors.append(violation(target, name, rule, text))
    if not errors:
        text = "responses must be an object"
        errors.append(violation(target, "responses", "isObject", text))
    raise Invalid(errors)


def bookings(call: Call) -> Response:
    """List bookings in the old form, ten at a time."""
    assert call.user is not None
    limit = int(call.query.get("limit", PAGE))
    rows = bookings_of(call.user).select_related("event_type", "host")
    total = rows.count()
    told = [_listed(row) for row in rows.order_by("starts_at", "pk")[:limit]]
    data = {
        "bookings": told,
        "recurringInfo": [],
        "totalCount": total,
        "nextCursor": limit if total > limit else None,
    }
    return Response(200, {"status": "success", "data": data})


def booking(call: Call) -> Response:
    """Answer a booking in the old form."""
    row = find(call.ids[0])
    told = _common(row) | {
        "smsReminderNumber": None,
        "recurringEventId": None,
        "cancelledBy": None,
        "rejectionReason": row.rejection_reason or None,
        "user": _user(row.host),
        "attendees": [
            {
                "name": attendee.name,
                "email": attendee.email,
                "timeZone": attendee.time_zone,
                "phoneNumber": attendee.phone or None,
            }
            for attendee in row.attendees.order_by("pk")
        ],
        "eventTypeId": row.event_type_id,
        "eventType": {
            "eventName": None,
            "slug": row.event_type.slug,
            "timeZone": None,
            "schedulingType": None,
            "hideOrganizerEmail": False,
        },
        "seatsReferences": [],
        "tracking": None,
        "assignmentReason": [],
    }
    return Response(200, {"status": "success", "data": told})


def event_types_of(owner: CalcomUser | None, rows: list[CalcomEventType]) -> Json:
    """Return a list of event types in the old form."""
    profile = {"slug": owner.username if owner else None, "name": None, "image": ""}
    group = {
        "teamId": None,
        "bookerUrl": BOOKER_URL,
        "membershipRole": None,
        "profile": profile,
        "metadata": {"membershipCount": 1, "readOnly": False},
        "eventTypes": [_event_type(row) for row in rows],
    }
    return {"eventTypeGroups": [group], "profiles": [profile]}


def list_event_types(call: Call) -> Response:
    """List event types in the old form."""
    rows = event_types.visible(call)
    data = event_types_of(call.user, rows)
    return Response(200, {"status": "success", "data": data})


def event_type(call: Call) -> Response:
    """Answer an event type in the old form."""
    row = event_types.own(call)
    data: Json = {
        "eventType": _event_type(row),
        "locationOptions": [],
        "destinationCalendar": None,
        "team": None,
        "teamMembers": [],
        "currentUserMembership": None,
        "isUserOrganizationAdmin": False,
    }
    return Response(200, {"status": "success", "data": data})


def _common(row: CalcomBooking) -> Json:
    responses = {k: v for k, v in row.responses.items() if k != "displayEmail"}
    return {
        "id": row.pk,
        "uid": row.uid,
        "title": row.title,
        "description": row.description,
        "customInputs": {},
        "startTime": moment(row.starts_at),
        "endTime": moment(row.ends_at),
        "location": row.location,
        "status": row.status.upper(),
        "metadata": row.metadata,
        "cancellationReason": row.cancellation_reason or None,
        "responses": responses,
        "userPrimaryEmail": row.host.email,
        "fromReschedule": row.from_uid or None,
        "rescheduled": bool(row.to_uid) or None,
        "rescheduledBy": row.rescheduled_by,
    }


def _listed(row: CalcomBooking) -> Json:
    return _common(row) | {
        "createdAt": moment(row.created_at),
        "updatedAt": moment(row.updated_at),
        "recurringEventId": None,
        "paid": False,
        "cancelledBy": None,
        "isRecorded": False,
        "rejectionReason": row.rejection_reason or None,
        "eventType": _event_type(row.event_type),
        "references": [],
        "payment": [],
        "user": _user(row.host),
        "attendees": [_attendee(row, one) for one in row.attendees.order_by("pk")],
        "seatsReferences": [],
        "assignmentReasonSortedByCreatedAt": [],
        "report": None,
        "rescheduler": None,
    }


def _attendee(row: CalcomBooking, attendee: Any) -> Json:
    person = {"name": None, "email": attendee.email} | {
        "avatarUrl": None,
        "username": None,
    }
    return {
        "id": attendee.pk,
        "email": attendee.email,
        "name": attendee.name,
        "timeZone": attendee.time_zone,
        "bookingId": row.pk,
        "locale": attendee.language,
        "phoneNumber": attendee.phone or None,
        "noShow": attendee.is_absent,
        "user": person,
    }


def _user(user: CalcomUser) -> Json:
    return {
        "id": user.pk,
        "name": user.name,
        "email": user.email,
        "username": user.username,
        "timeZone": user.time_zone,
        "avatarUrl": None,
    }


def _event_type(row: CalcomEventType) -> Json:
    return {
        "id": row.pk,
        "title": row.title,
        "slug": row.slug,
        "description": None,
        "length": row.length_min,
        "offsetStart": setting(row, "offsetStart"),
        "hidden": setting(row, "hidden"),
        "eventName": None,
        "periodType": "UNLIMITED",
        "requiresConfirmation": event_types.needs_confirmation(row),
        "minimumBookingNotice": setting(row, "minimumBookingNotice"),
        "beforeEventBuffer": setting(row, "beforeEventBuffer"),
        "afterEventBuffer": setting(row, "afterEventBuffer"),
        "slotInterval": setting(row, "slotInterval"),
        "disableGuests": setting(row, "disableGuests"),
        "seatsPerTimeSlot": event_types.seats_of(row) or None,
        "price": setting(row, "price"),
        "currency": setting(row, "currency"),
        "recurringEvent": None,
        "schedulingType": None,
        "teamId": None,
        "hosts": [],
        "team": None,
        "users": [_user(row.owner)],
        "bookingFields": [
            {
                "name": entry["slug"],
                "type": entry["type"],
                "required": entry.get("required", False),
                "sources": [{"id": "default", "type": "default", "label": "Default"}],
                "editable": "system",
                "hidden": entry.get("hidden", False),
            }
            for entry in row.booking_fields
        ],
    }
