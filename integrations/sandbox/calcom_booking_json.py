"""A booking as Cal.com shows it."""

from __future__ import annotations

from datetime import timedelta

from integrations.sandbox.calcom_errors import moment
from integrations.sandbox.calcom_event_types import seats_of
from integrations.sandbox.exchange import Json
from integrations.sandbox.models import CalcomAttendee, CalcomBooking, CalcomUser


def booking_json(
    booking: CalcomBooking, *, is_made: bool = False, seat_uid: str = ""
) -> Json:
    """Return the object; ``is_made`` adds what create and reschedule tell."""
    is_seated = bool(seats_of(booking.event_type))
    body: Json = {
        "id": booking.pk,
        "uid": booking.uid,
        "title": booking.title,
        "description": None if is_seated else booking.description,
        "hosts": [_host(booking.host)],
        "status": booking.status,
        "cancellationReason": booking.cancellation_reason,
        **({} if is_seated else {"cancelledByEmail": ""}),
        **_if_set("reschedulingReason", booking.rescheduling_reason),
        "rescheduledByEmail": booking.rescheduled_by,
        **_if_set("rescheduledFromUid", booking.from_uid),
        **_if_set("rescheduledToUid", booking.to_uid),
        **_event(booking),
        "metadata": booking.metadata,
        "rating": None,
        "icsUid": booking.ical_uid,
        "attendees": [
            attendee_json(attendee, is_seated=is_seated)
            for attendee in sorted(booking.attendees.all(), key=lambda row: row.pk)
        ],
    }
    if is_seated:
        del body["metadata"]
        body |= _if_set("seatUid", seat_uid)
    else:
        body |= _responses(booking)
    if is_made:
        body["isPlatformManagedUserBooking"] = False
    return body


def _event(booking: CalcomBooking) -> Json:
    return {
        "start": moment(booking.starts_at),
        "end": moment(booking.ends_at),
        "duration": (booking.ends_at - booking.starts_at) // timedelta(minutes=1),
        "eventTypeId": booking.event_type_id,
        "eventType": {
            "id": booking.event_type_id,
            "slug": booking.event_type.slug,
        },
        "meetingUrl": booking.location,
        "location": booking.location,
        "absentHost": booking.is_host_absent,
        "createdAt": moment(booking.created_at),
        "updatedAt": moment(booking.updated_at),
    }


def attendee_json(attendee: CalcomAttendee, *, is_seated: bool = False) -> Json:
    """Return one who comes."""
    body: Json = {
        "name": attendee.name,
        "email": attendee.email,
        "displayEmail": attendee.email,
        "timeZone": attendee.time_zone,
        "language": attendee.language,
        "absent": attendee.is_absent,
        **_if_set("phoneNumber", attendee.phone),
    }
    if is_seated:
        body |= {
            "seatUid": attendee.seat_uid,
            "bookingFieldsResponses": attendee.seat_responses,
            "metadata": attendee.seat_metadata,
        }
    return body


def _responses(booking: CalcomBooking) -> Json:
    told = booking.responses | {"displayEmail": booking.responses.get("email", "")}
    guests = booking.responses.get("guests")
    if not guests:
        return {"bookingFieldsResponses": told}
    told["displayGuests"] = guests
    return {"guests": guests, "bookingFieldsResponses": told}


def _host(user: CalcomUser) -> Json:
    return {
        "id": user.pk,
        "name": user.name,
        "email": user.email,
        "displayEmail": user.email,
        "username": user.username,
        "timeZone": user.time_zone,
    }


def _if_set(name: str, value: str) -> Json:
    return {name: value} if value else {}
