"""Making and reading bookings."""

from __future__ import annotations

import secrets
import time
import uuid
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.db import IntegrityError, connections, transaction
from django.utils import timezone

from integrations.sandbox import calcom_fields, calcom_slots, installation, webhooks
from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_booking_json import attendee_json, booking_json
from integrations.sandbox.calcom_errors import Bare, Refusal
from integrations.sandbox.calcom_event_types import (
    needs_confirmation,
    seats_of,
    setting,
)
from integrations.sandbox.calcom_limits import refuse_over_limit
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import (
    CalcomAttendee,
    CalcomBooking,
    CalcomEventType,
    CalcomUser,
)

TAKEN = "User either already has booking at this time or is not available"
OUT_OF_BOUNDS = (
    'The event type can\'t be booked at the "start" time provided. This could be'
    " because it's too soon (violating the minimum booking notice) or too far in the"
    " future (outside the event's scheduling window). Try fetching available slots"
    ' first using the GET /v2/slots endpoint and then make a booking with "start" time'
    " equal to one of the available slots."
)
NOT_AUTHENTICATED = (
    "checkBookingRequiresAuthentication - request must be authenticated by passing"
    " credentials belonging to event type owner, host or team or org admin or owner."
)
NOT_AUTHORIZED = (
    "checkBookingRequiresAuthentication - user is not authorized to access this event"
    " type. User has to be either event type owner, host, team admin or owner or org"
    " admin or owner."
)
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def create(call: Call) -> Response:
    """Book; the subscribers are told, and waited for, before the answer."""
    check.check_create(call.body)
    event_type = _booked_type(call.body)
    _check_authentication(event_type, call.user)
    calcom_fields.check_custom(event_type, call.body)
    length = _length(event_type, call.body)
    location, kept = calcom_fields.located(event_type, call.body)
    responses = calcom_fields.answered(event_type, call.body) | kept
    start = check.instant(call.body["start"])
    _check_code(event_type, call.body)
    again = _same_again(event_type, start, responses["email"])
    if again is not None:
        return _made(again)
    refuse_unbookable(event_type, start, length)
    refuse_over_limit(event_type, start, responses["email"])
    seated = _joined(event_type, start, responses["email"])
    if seated is None:
        refuse_taken(event_type, start, length)
    think()
    if seated is None:
        booking = _write(event_type, start, length, call, responses, location)
    else:
        booking = seated
    seat_uid = add_attendees(booking, call.body, responses)
    webhooks.booked(booking, seat_uid=seat_uid)
    return _made(find(booking.uid), seat_uid=seat_uid)


def read(call: Call) -> Response:
    """Answer a booking to anybody who knows its uid."""
    return Response(200, _success(booking_json(find(call.ids[0]))))


def by_seat(call: Call) -> Response:
    """Answer the booking that a seat belongs to."""
    seat = CalcomAttendee.objects.filter(seat_uid=call.ids[0]).first()
    if seat is None:
        text = f"Booking with seatUid={call.ids[0]} was not found in the database"
        raise Refusal(404, text)
    return Response(200, _success(booking_json(find(seat.booking.uid))))


def attendees(call: Call) -> Response:
    """Answer those who come, with their numbers."""
    booking = find(call.ids[0])
    told = [
        attendee_json(row) | {"id": row.pk} for row in booking.attendees.order_by("pk")
    ]
    return Response(200, _success(told))


def references(call: Call) -> Response:
    """Answer the entries in other calendars, of which there are none."""
    find(call.ids[0])
    return Response(200, _success([]))


def calendar_links(call: Call) -> Response:
    """Answer links that put the booking into somebody's calendar."""
    booking = find(call.ids[0])
    first = booking.attendees.order_by("pk").first()
    title = (
        f"{booking.event_type.title} between {booking.host.name} and"
        f" {first.name if first else ''}"
    )
    begin, end = (f"{at:%Y%m%dT%H%M%SZ}" for at in (booking.starts_at, booking.ends_at))
    entry = f"BEGIN:VCALENDAR\r\nSUMMARY:{title}\r\nDTSTART:{begin}\r\nEND:VCALENDAR"
    google = "https://calendar.google.com/calendar/r/eventedit"
    outlook = "deeplink/compose?path=%2Fcalendar%2Faction%2Fcompose&rru=addevent"
    span = f"&startdt={begin}&enddt={end}&subject={quote(title)}"
    links = [
        ("Google Calendar", "googleCalendar", f"{google}?dates={begin}/{end}"),
        (
            "Microsoft Office",
            "microsoftOffice",
            f"https://outlook.office.com/calendar/0/{outlook}{span}",
        ),
        (
            "Microsoft Outlook",
            "microsoftOutlook",
            f"https://outlook.live.com/calendar/0/{outlook}{span}",
        ),
        ("ICS", "ics", f"data:text/calendar,{quote(entry)}"),
    ]
    told = [{"label": label, "id": name, "link": link} for label, name, link in links]
    return Response(200, _success(told))


def find(uid: str) -> CalcomBooking:
    """Return a booking.

    :raises Refusal: there is none.
    """
    rows = CalcomBooking.objects.select_related(
        "event_type", "host", "event_type__owner"
    )
    found = rows.filter(uid=uid).first()
    if found is None:
        raise Refusal(404, f"Booking with uid={uid} was not found in the database")
    return found


def refuse_unbookable(
    event_type: CalcomEventType, start: datetime, length: int
) -> None:
    """Refuse what is past, too soon or too far away.

    :raises Refusal: it is.
    """
    now = timezone.now()
    if start < now:
        raise Refusal(400, "Attempting to book a meeting in the past.")
    earliest, latest = calcom_slots.bounds(event_type, now)
    if not earliest <= start < latest:
        raise Refusal(400, OUT_OF_BOUNDS)


def refuse_taken(
    event_type: CalcomEventType, start: datetime, length: int, *, ignored: str = ""
) -> None:
    """Refuse outside the working hours and where the host is booked.

    Reservations are not asked for, and a start off the grid is welcome.

    :raises Refusal: Cal.com doesn't tell which of the two it is.
    """
    end = check.end_of(start, length)
    hours = calcom_slots.working_hours(event_type, start, end)
    is_open = any(first <= start and end <= last for first, last in hours)
    blocked = calcom_slots.busy(event_type, start, end, ignored=ignored)
    if not is_open or any(first < end and last > start for first, last in blocked):
        raise Refusal(400, TAKEN)


def think() -> None:
    """Take the time that Cal.com takes between looking and writing."""
    seconds = installation.current().thinking_s
    connections.close_all()
    time.sleep(seconds)


def new_uid() -> str:
    """Return a uid that nobody can guess."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(22))


def idempotency_key(host: CalcomUser, start: datetime, end: datetime) -> str:
    """Return what is unique among accepted bookings: host, start and end."""
    return f"{host.pk}|{start.timestamp():.0f}|{end.timestamp():.0f}"


def store(booking: CalcomBooking) -> None:
    """Write a booking.

    :raises Bare: another one of the same host, start and end was written meanwhile.
    """
    try:
        with transaction.atomic():
            booking.save()
    except IntegrityError as error:
        raise Bare(409, "booking_conflict_error") from error


def title_of(event_type: CalcomEventType, name: str) -> str:
    """Return the title in the host's language."""
    owner = event_type.owner
    between, and_ = ("zwischen", "und") if owner.locale == "de" else ("between", "and")
    return f"{event_type.title} {between} {owner.name} {and_} {name}"


def add_attendees(booking: CalcomBooking, body: Json, responses: Json) -> str:
    """Add who comes and the guests; return the seat's uid where there are seats."""
    attendee = body["attendee"]
    seats = seats_of(booking.event_type)
    seat_uid = str(uuid.uuid4()) if seats else ""
    with transaction.atomic():
        CalcomBooking.objects.select_for_update().get(pk=booking.pk)
        if seats and booking.attendees.count() >= seats:
            raise Refusal(409, "No more seats left at this seated booking.")
        CalcomAttendee.objects.create(
            booking=booking,
            name=attendee["name"],
            email=responses["email"],
            time_zone=attendee["timeZone"],
            language=attendee.get("language") or "en",
            phone=attendee.get("phoneNumber") or "",
            seat_uid=seat_uid,
            seat_responses=_seat_responses(responses) if seats else {},
            seat_metadata=(body.get("metadata") or {}) if seats else {},
        )
        for email in body.get("guests") or []:
            CalcomAttendee.objects.create(
                booking=booking, email=email, time_zone=attendee["timeZone"]
            )
    return seat_uid


def _seat_responses(responses: Json) -> Json:
    return {"guests": []} | {
        name: value for name, value in responses.items() if name != "email"
    }


def _booked_type(body: Json) -> CalcomEventType:
    rows = CalcomEventType.objects.select_related("owner")
    if "eventTypeId" in body:
        found = rows.filter(pk=body["eventTypeId"]).first()
        missing = f"Event type with id {body['eventTypeId']} not found."
    else:
        username, slug = body.get("username"), body["eventTypeSlug"]
        if body.get("teamSlug"):
            raise Refusal(404, f"Team with slug {body['teamSlug']} not found")
        if not CalcomUser.objects.filter(username=username).exists():
            raise Refusal(404, f"User with username {username} not found")
        found = rows.filter(owner__username=username, slug=slug).first()
        missing = f"Event type with slug {slug} belonging to user {username} not found."
    if found is None:
        raise Refusal(404, missing)
    return found


def _check_authentication(event_type: CalcomEventType, user: CalcomUser | None) -> None:
    if not setting(event_type, "bookingRequiresAuthentication"):
        return
    if user is None:
        raise Refusal(401, NOT_AUTHENTICATED)
    if not event_type.owner.is_reached_by(user):
        raise Refusal(403, NOT_AUTHORIZED)


def _length(event_type: CalcomEventType, body: Json) -> int:
    wanted = body.get("lengthInMinutes")
    options = setting(event_type, "lengthInMinutesOptions") or []
    if wanted is None:
        return event_type.length_min
    if not options:
        raise Refusal(
            400,
            "Can't specify 'lengthInMinutes' because event type does not have multiple"
            " possible lengths. Please, remove the 'lengthInMinutes' field from the"
            " request.",
        )
    if wanted not in options:
        listed = ", ".join(str(option) for option in options)
        raise Refusal(
            400,
            "Provided 'lengthInMinutes' is not one of the possible lengths for the"
            f" event type. The possible lengths are: {listed}",
        )
    return int(wanted)


def _check_code(event_type: CalcomEventType, body: Json) -> None:
    if setting(event_type, "requiresBookerEmailVerification"):
        given = "emailVerificationCode" in body
        text = "invalid_verification_code" if given else "email_verification_required"
        raise Bare(400, text)


def _same_again(
    event_type: CalcomEventType, start: datetime, email: str
) -> CalcomBooking | None:
    """Return the booking that a repeat means, where a host has to confirm."""
    if not needs_confirmation(event_type):
        return None
    return CalcomBooking.objects.filter(
        event_type=event_type,
        starts_at=start,
        status__in=("pending", "accepted"),
        attendees__email=email,
    ).first()


def _joined(
    event_type: CalcomEventType, start: datetime, email: str
) -> CalcomBooking | None:
    """Return the seated booking that somebody joins."""
    seats = seats_of(event_type)
    if not seats:
        return None
    rows = CalcomBooking.objects.filter(
        event_type=event_type, starts_at=start, status="accepted"
    )
    booking = rows.select_related("event_type", "host", "event_type__owner").first()
    if booking is None:
        return None
    if booking.attendees.count() >= seats:
        raise Refusal(409, "No more seats left at this seated booking.")
    if booking.attendees.filter(email=email).exists():
        raise Bare(409, "already_signed_up_for_this_booking_error")
    return booking


def _write(
    event_type: CalcomEventType,
    start: datetime,
    length: int,
    call: Call,
    responses: Json,
    location: str,
) -> CalcomBooking:
    is_pending = needs_confirmation(event_type)
    end = start + timedelta(minutes=length)
    uid, host = new_uid(), event_type.owner
    booking = CalcomBooking(
        uid=uid,
        event_type=event_type,
        host=host,
        status="pending" if is_pending else "accepted",
        idempotency_key=None if is_pending else idempotency_key(host, start, end),
        starts_at=start,
        ends_at=end,
        title=title_of(event_type, call.body["attendee"]["name"]),
        description=responses.get("notes") or "",
        location=location,
        metadata=call.body.get("metadata") or {},
        responses=responses,
        ical_uid=f"{uid}@Cal.diy",
    )
    store(booking)
    return booking


def _made(booking: CalcomBooking, *, seat_uid: str = "") -> Response:
    booking = find(booking.uid)
    return Response(
        201, _success(booking_json(booking, is_made=True, seat_uid=seat_uid))
    )


def _success(data: Any) -> Json:
    return {"status": "success", "data": data}
