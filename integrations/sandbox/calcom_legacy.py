"""The oldest version, which a missing or unknown header stands for.

Only as far as a mistake in the header has to look like one: lists and objects have
other shapes there, and a booking is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from integrations.sandbox import calcom_event_types as event_types
from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_bookings import find
from integrations.sandbox.calcom_errors import Invalid, moment, violation
from integrations.sandbox.calcom_event_types import BOOKER_URL, setting
from integrations.sandbox.calcom_lists import bookings_of
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import (
    CalcomBooking,
    CalcomEventType,
    CalcomSchedule,
    CalcomUser,
)

PAGE = 10
#: What an event type of the old form has without anybody having set it.
_DEFAULTS: dict[str, Json] = json.loads(Path(__file__).with_suffix(".json").read_text())
#: Members that the old form has under the same name.
_SAME = (
    "offsetStart",
    "hidden",
    "minimumBookingNotice",
    "beforeEventBuffer",
    "afterEventBuffer",
    "slotInterval",
    "disableGuests",
)
_CREATE_RULES = {
    "start": ("isDateString", "must be a valid ISO 8601 date string"),
    "eventTypeId": (
        "isNumber",
        "must be a number conforming to the specified constraints",
    ),
    "timeZone": ("isTimeZone", "must be a valid IANA time-zone"),
    "language": ("isString", "must be a string"),
    "metadata": ("isObject", "must be an object"),
    "responses": ("isObject", "must be an object"),
}
_CREATE_MEMBERS = ("start", "end", "eventTypeId", "timeZone", "language", "metadata")


def refuse_create(call: Call) -> Response:
    """Refuse a booking in the newer form: its members stand elsewhere here."""
    body = call.body
    target = {name: body[name] for name in _CREATE_MEMBERS if name in body}
    is_good = {
        "start": check.is_instant(body.get("start")),
        "eventTypeId": check.is_integer(body.get("eventTypeId")),
        "timeZone": check.is_zone(body.get("timeZone")),
        "language": isinstance(body.get("language"), str),
        "metadata": isinstance(body.get("metadata"), dict),
        "responses": False,
    }
    errors = [
        violation(target, name, rule, f"{name} {text}")
        for name, (rule, text) in _CREATE_RULES.items()
        if not is_good[name]
    ]
    # It asks for the answers only where nothing else is wrong.
    raise Invalid(errors[:-1] or errors)


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
        "locationOptions": _DEFAULTS["location_options"],
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
        "eventType": _listed_event_type(row.event_type),
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


def _listed_event_type(row: CalcomEventType) -> Json:
    phone = "attendeePhoneNumber"
    return _DEFAULTS["listed_event_type"] | {
        "id": row.pk,
        "title": row.title,
        "slug": row.slug,
        "length": row.length_min,
        "disableGuests": setting(row, "disableGuests"),
        "seatsPerTimeSlot": event_types.seats_of(row) or None,
        "bookingFields": [
            _field(entry) for entry in row.booking_fields if entry["slug"] != phone
        ],
    }


def _event_type(row: CalcomEventType) -> Json:
    fields = row.booking_fields
    if event_types.field(row, "attendeePhoneNumber") is None:
        hidden = {"slug": "attendeePhoneNumber", "type": "phone", "hidden": True}
        fields = [hidden, *fields]
    owner = row.owner
    profile = {"id": None, "upId": f"usr-{owner.pk}", "username": owner.username}
    user = _user(owner) | {
        "locale": owner.locale,
        "defaultScheduleId": _schedule_id(owner),
        "isPlatformManaged": False,
        "nonProfileUsername": owner.username,
        "profile": profile | {"organizationId": None, "organization": None},
        "avatar": f"{BOOKER_URL}/avatar.svg",
    }
    return _DEFAULTS["event_type"] | {
        "id": row.pk,
        "title": row.title,
        "slug": row.slug,
        "length": row.length_min,
        **{name: setting(row, name) for name in _SAME},
        "requiresConfirmation": event_types.needs_confirmation(row),
        "seatsPerTimeSlot": event_types.seats_of(row) or None,
        "owner": {"id": owner.pk, "timeZone": owner.time_zone},
        "users": [user],
        "schedule": _schedule_id(owner),
        "userId": owner.pk,
        "locations": [
            {
                "type": "inPerson",
                "address": place.get("address", ""),
                "displayLocationPublicly": True,
            }
            for place in setting(row, "locations") or []
        ],
        "bookingFields": [_field(entry) for entry in fields],
    }


def _schedule_id(owner: CalcomUser) -> int | None:
    found = CalcomSchedule.objects.filter(owner=owner, is_default=True).first()
    return None if found is None else found.pk


def _field(entry: Json) -> Json:
    slug = entry["slug"]
    usual: Json = {"editable": "user", "sources": [], "label": entry.get("label", "")}
    body = {
        "name": slug,
        "type": entry["type"],
        "required": entry.get("required", False),
    }
    if entry.get("hidden") or slug == "guests":
        body["hidden"] = bool(entry.get("hidden"))
    more: Json = _DEFAULTS["fields"].get(slug, usual)
    return body | more
