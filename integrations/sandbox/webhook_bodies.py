"""What Cal.com tells its subscribers; every trigger has a look of its own."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_errors import moment
from integrations.sandbox.calcom_event_types import BOOKER_URL, seats_of, setting
from integrations.sandbox.exchange import Json
from integrations.sandbox.models import CalcomAttendee, CalcomBooking

LABELS = {
    "name": "your_name",
    "email": "email_address",
    "attendeePhoneNumber": "phone_number",
    "location": "location",
    "title": "what_is_this_meeting_about",
    "notes": "additional_notes",
    "guests": "additional_guests",
    "rescheduleReason": "reason_for_reschedule",
}


def created(booking: CalcomBooking, seat_uid: str = "") -> Json:
    """Return BOOKING_CREATED of a booking that nobody had to confirm."""
    body = _direct(booking, seat_uid) | {"location": booking.location}
    body |= {"destinationCalendar": None, "iCalUID": booking.ical_uid}
    body |= {
        "iCalSequence": booking.ical_sequence,
        "requiresConfirmation": False,
        "oneTimePassword": None,
        "hashedLink": None,
        "hideBranding": False,
        "uid": booking.uid,
    }
    if seat_uid:
        body["attendeeSeatId"] = seat_uid
    return (
        body
        | _event(booking)
        | {
            "bookingId": booking.pk,
            "metadata": booking.metadata,
            "status": "ACCEPTED",
        }
    )


def rescheduled(booking: CalcomBooking, old: CalcomBooking) -> Json:
    """Return BOOKING_RESCHEDULED; there is no CANCELLED of the old booking."""
    body = created(booking)
    del body["iCalUID"]
    by = {"rescheduledBy": booking.rescheduled_by} if booking.rescheduled_by else {}
    return (
        body
        | by
        | {
            "appsStatus": [],
            "rescheduleId": old.pk,
            "rescheduleUid": old.uid,
            "rescheduleStartTime": _seconds(old.starts_at),
            "rescheduleEndTime": _seconds(old.ends_at),
        }
    )


def requested(booking: CalcomBooking) -> Json:
    """Return BOOKING_REQUESTED, which carries a secret."""
    body = _direct(booking)
    body |= {
        "startTime": moment(booking.starts_at),
        "endTime": moment(booking.ends_at),
        "attendees": [_asking(booking, row) for row in _attendees(booking)],
        "responses": _responses(booking),
        "location": booking.location,
        "iCalUID": booking.ical_uid,
        "iCalSequence": booking.ical_sequence,
        "requiresConfirmation": True,
        "oneTimePassword": str(uuid.uuid4()),
        "platformClientId": "",
        "platformRescheduleUrl": "",
        "platformCancelUrl": "",
        "platformBookingUrl": "",
        "uid": booking.uid,
        "organizationId": None,
        "hideBranding": False,
        "bookingId": booking.pk,
        "hashedLink": None,
        "status": "PENDING",
        **_event(booking),
        "assignmentReason": [],
        "destinationCalendar": None,
        "metadata": {"videoCallUrl": ""} if booking.from_uid else booking.metadata,
    }
    return body


def confirmed(booking: CalcomBooking) -> Json:
    """Return BOOKING_CREATED after a confirmation, which has lost our metadata."""
    body = _settled(booking)
    return body | {"bookingId": booking.pk, "status": "ACCEPTED", "metadata": {}}


def rejected(booking: CalcomBooking) -> Json:
    """Return BOOKING_REJECTED, without metadata."""
    reason = {"rejectionReason": booking.rejection_reason}
    return (
        _settled(booking)
        | reason
        | {
            "bookingId": booking.pk,
            "status": "REJECTED",
        }
    )


def cancelled(booking: CalcomBooking, reason: str) -> Json:
    """Return BOOKING_CANCELLED, without metadata."""
    is_seated = bool(seats_of(booking.event_type))
    return {
        "bookerUrl": BOOKER_URL,
        "title": booking.title,
        "length": _length(booking),
        "type": booking.event_type.slug,
        **_notes(booking),
        "customInputs": {},
        "eventTypeId": booking.event_type_id,
        "userFieldsResponses": _custom(booking),
        "responses": _responses(booking),
        "startTime": _offset(booking.starts_at),
        "endTime": _offset(booking.ends_at),
        "organizer": _organizer(booking),
        "attendees": [_known(booking, row) for row in _attendees(booking)],
        "uid": booking.uid,
        "bookingId": booking.pk,
        "location": booking.location,
        "destinationCalendar": [],
        "cancellationReason": reason,
        "seatsPerTimeSlot": seats_of(booking.event_type) or None,
        "seatsShowAttendees": is_seated,
        "iCalUID": booking.ical_uid,
        "iCalSequence": booking.ical_sequence + 1,
        "hideOrganizerEmail": False,
        "customReplyToEmail": None,
        "schedulingType": None,
        "hideBranding": False,
        "eventTitle": booking.event_type.title,
        "eventDescription": None,
        "requiresConfirmation": None,
        "price": None,
        "currency": "usd",
        "status": "CANCELLED",
        "requestReschedule": False,
    }


def absent(booking: CalcomBooking, marked: list[Json]) -> Json:
    """Return BOOKING_NO_SHOW_UPDATED, which calls the uid by another name."""
    emails = ", ".join(str(entry.get("email")) for entry in marked)
    told = [
        {"email": entry.get("email"), "noShow": bool(entry.get("absent"))}
        for entry in marked
    ]
    as_what = "no-show" if told[0]["noShow"] else "show"
    return {
        "message": f"{emails} marked as {as_what}",
        "attendees": told,
        "bookingUid": booking.uid,
        "bookingId": booking.pk,
    }


def _direct(booking: CalcomBooking, seat_uid: str = "") -> Json:
    event_type = booking.event_type
    place = {"value": booking.location, "optionValue": ""}
    responses = _responses(booking, location=place, is_phone_shown=True)
    if seat_uid:
        responses["guests"] = {"label": "additional_guests", "value": []} | {
            "isHidden": False
        }
    rows = [
        row for row in _attendees(booking) if not seat_uid or row.seat_uid == seat_uid
    ]
    disabled = setting(event_type, "disableRescheduling") or {}
    return {
        "bookerUrl": BOOKER_URL,
        "title": booking.title,
        "startTime": _seconds(booking.starts_at),
        "endTime": _seconds(booking.ends_at),
        "type": event_type.slug,
        "organizer": _organizer(booking),
        "attendees": [_coming(booking, row) for row in rows],
        **_notes(booking),
        "eventTypeId": event_type.pk,
        "hideCalendarNotes": False,
        "hideCalendarEventDetails": False,
        "hideOrganizerEmail": False,
        "schedulingType": None,
        "seatsPerTimeSlot": seats_of(event_type) or None,
        "seatsShowAttendees": True,
        "seatsShowAvailabilityCount": True,
        "customReplyToEmail": None,
        "disableRescheduling": bool(disabled.get("disabled")),
        "disableCancelling": bool(
            (setting(event_type, "disableCancelling") or {}).get("disabled")
        ),
        "customInputs": {},
        "responses": responses,
        "userFieldsResponses": _custom(booking),
    }


def _settled(booking: CalcomBooking) -> Json:
    event_type = booking.event_type
    return {
        "type": event_type.slug,
        "title": booking.title,
        **_notes(booking),
        "bookerUrl": BOOKER_URL,
        "userFieldsResponses": _custom(booking),
        "responses": _responses(booking),
        "customInputs": {},
        "startTime": moment(booking.starts_at),
        "endTime": moment(booking.ends_at),
        "organizer": _organizer(booking),
        "attendees": [_known(booking, row) for row in _attendees(booking)],
        "location": booking.location,
        "uid": booking.uid,
        "destinationCalendar": [],
        "requiresConfirmation": True,
        "hideOrganizerEmail": False,
        "hideCalendarNotes": False,
        "hideCalendarEventDetails": False,
        "eventTypeId": event_type.pk,
        "customReplyToEmail": None,
        "seatsPerTimeSlot": seats_of(event_type) or None,
        "seatsShowAttendees": False,
        "disableCancelling": False,
        "disableRescheduling": False,
        "organizationId": None,
        "assignmentReason": None,
        "hideBranding": False,
        **_event(booking),
    }


def _event(booking: CalcomBooking) -> Json:
    return {
        "eventTitle": booking.event_type.title,
        "eventDescription": None,
        "price": 0,
        "currency": "usd",
        "length": _length(booking),
    }


def _length(booking: CalcomBooking) -> int:
    return int((booking.ends_at - booking.starts_at).total_seconds() // 60)


def _notes(booking: CalcomBooking) -> Json:
    return {
        "additionalNotes": booking.description,
        "description": booking.description,
    }


def _attendees(booking: CalcomBooking) -> list[CalcomAttendee]:
    return list(booking.attendees.order_by("pk"))


def _organizer(booking: CalcomBooking) -> Json:
    host = booking.host
    return {
        "id": host.pk,
        "name": host.name,
        "email": host.email,
        "username": host.username,
        "timeZone": host.time_zone,
        "language": {"locale": host.locale},
        "timeFormat": "HH:mm",
        "utcOffset": _utc_offset(booking, host.time_zone),
    }


def _coming(booking: CalcomBooking, row: CalcomAttendee) -> Json:
    phone = {"phoneNumber": row.phone} if row.phone else {}
    return _person(booking, row) | phone | {"firstName": "", "lastName": ""}


def _known(booking: CalcomBooking, row: CalcomAttendee) -> Json:
    return _person(booking, row) | {"phoneNumber": row.phone or None}


def _asking(booking: CalcomBooking, row: CalcomAttendee) -> Json:
    first, _, last = row.name.partition(" ")
    return _known(booking, row) | {
        "bookingSeat": None,
        "firstName": first,
        "lastName": last,
    }


def _person(booking: CalcomBooking, row: CalcomAttendee) -> Json:
    return {
        "email": row.email,
        "name": row.name,
        "timeZone": row.time_zone,
        "language": {"locale": row.language},
        "utcOffset": _utc_offset(booking, row.time_zone),
    }


def _utc_offset(booking: CalcomBooking, zone_name: str) -> int:
    offset = booking.starts_at.astimezone(check.zone(zone_name)).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


def _responses(
    booking: CalcomBooking,
    *,
    location: Json | None = None,
    is_phone_shown: bool = False,
) -> Json:
    given = booking.responses
    fields = list(booking.event_type.booking_fields)
    if is_phone_shown and all(f["slug"] != "attendeePhoneNumber" for f in fields):
        fields.insert(0, {"slug": "attendeePhoneNumber", "hidden": True})
    told: Json = {}
    for entry in fields:
        slug = entry["slug"]
        value = location if slug == "location" else given.get(slug)
        told[slug] = {
            "label": entry.get("label") or LABELS.get(slug, slug),
            **({} if value is None else {"value": value}),
            "isHidden": bool(entry.get("hidden")),
        }
    return told


def _custom(booking: CalcomBooking) -> Json:
    own = {
        entry["slug"]
        for entry in booking.event_type.booking_fields
        if not entry["isDefault"]
    }
    everything = _responses(booking)
    return {slug: told for slug, told in everything.items() if slug in own}


def _seconds(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _offset(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
