"""When somebody is free, and the slots that are told of it.

Free time is working hours, less what is booked with the buffers of both sides, less
what is reserved. Each piece of it is cut into slots of its own.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone as django_timezone

from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_errors import Refusal, moment
from integrations.sandbox.calcom_event_types import seats_of, setting
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import (
    CalcomBooking,
    CalcomEventType,
    CalcomReservation,
    CalcomSchedule,
    CalcomSlotAnswer,
    CalcomUser,
)

Piece = tuple[datetime, datetime]
CACHED_S = 2
BY_ID = {"eventTypeId"}
BY_SLUG = {"eventTypeSlug", "username", "teamSlug", "organizationSlug"}
ALWAYS = {
    "start",
    "end",
    "timeZone",
    "duration",
    "format",
    "bookingUidToReschedule",
    "rrHostSubsetIds",
}
_STARTS_ON = (60, 30, 20, 15, 10, 5)
_MINUTE = timedelta(minutes=1)


def get_slots(call: Call) -> Response:
    """Answer the slots of a range; the same query gets the same answer for 2 s."""
    query = call.query
    _validate(query)
    event_type = _event_type(query)
    asked = json.dumps(query, sort_keys=True)
    now = django_timezone.now()
    kept = CalcomSlotAnswer.objects.filter(
        query=asked, made_at__gt=now - timedelta(seconds=CACHED_S)
    ).first()
    if kept is not None:
        return Response(200, {"data": kept.body, "status": "success"})
    body = _told(event_type, query)
    CalcomSlotAnswer.objects.update_or_create(
        query=asked, defaults={"body": body, "made_at": now}
    )
    return Response(200, {"data": body, "status": "success"})


def _validate(query: dict[str, str]) -> None:
    named = BY_ID if "eventTypeId" in query else BY_SLUG
    if not (BY_ID | {"eventTypeSlug"}) & query.keys():
        named = {"usernames", "organizationSlug"}
    complaints = check.unknown(dict(query), named | ALWAYS)
    for name in ("start", "end"):
        if not check.is_instant(query.get(name)):
            text = f"{name} must be a valid ISO 8601 date string"
            complaints.append(check.wrong(name, text))
    if "timeZone" in query and not check.is_zone(query["timeZone"]):
        text = "timeZone must be a valid IANA time-zone"
        complaints.append(check.wrong("timeZone", text))
    if "duration" in query and not query["duration"].isdigit():
        text = "duration must be a number conforming to the specified constraints"
        complaints.append(check.wrong("duration", text))
    if query.get("format", "time") not in ("time", "range"):
        text = "slotFormat must be either 'range' or 'time'"
        complaints.append(check.wrong("format", text))
    if "eventTypeId" in query and not query["eventTypeId"].isdigit():
        text = "eventTypeId must be a number conforming to the specified constraints"
        complaints.append(check.wrong("eventTypeId", text))
    if named == {"usernames", "organizationSlug"}:
        complaints += _dynamic(query)
    check.refuse(complaints)


def _dynamic(query: dict[str, str]) -> list[str]:
    """Complain as Cal.com does of a query that names no event type at all."""
    complaints = []
    if len([name for name in query.get("usernames", "").split(",") if name]) < 2:
        text = (
            "each value in usernames must be a string, The array must contain at least"
            " 2 elements., usernames must be an array"
        )
        complaints.append(check.wrong("usernames", text))
    if "organizationSlug" not in query:
        text = "organizationSlug must be a string"
        complaints.append(check.wrong("organizationSlug", text))
    return complaints


def _event_type(query: dict[str, str]) -> CalcomEventType:
    rows = CalcomEventType.objects.select_related("owner")
    if "eventTypeId" in query:
        found = rows.filter(pk=int(query["eventTypeId"])).first()
    else:
        username = query.get("username", "")
        owner = CalcomUser.objects.filter(username=username).first()
        if owner is None:
            raise Refusal(404, f"User with username {username} not found")
        found = rows.filter(owner=owner, slug=query.get("eventTypeSlug")).first()
    if found is None:
        raise Refusal(404, "Event Type not found")
    return found


def _told(event_type: CalcomEventType, query: dict[str, str]) -> Json:
    length = int(query.get("duration", event_type.length_min))
    zone = check.zone(query["timeZone"]) if "timeZone" in query else None
    begin, end = _range(query)
    seated = _seated(event_type, begin, end)
    days: dict[str, list[Json]] = {}
    for start in slots(
        event_type,
        begin,
        end,
        length=length,
        ignored=query.get("bookingUidToReschedule", ""),
    ):
        day = start.astimezone(zone or UTC).date().isoformat()
        entry: Json = {"start": _text(start, zone)}
        if query.get("format") == "range":
            entry["end"] = _text(start + length * _MINUTE, zone)
        if seated is not None:
            entry |= seated.get(start) or _seats(event_type, 0)
        days.setdefault(day, []).append(entry)
    if setting(event_type, "onlyShowFirstAvailableSlot"):
        days = {day: entries[:1] for day, entries in days.items()}
    return days


def _range(query: dict[str, str]) -> Piece:
    """Return the range; an end at midnight UTC means the whole of that day."""
    begin, end = check.instant(query["start"]), check.instant(query["end"])
    end = end.astimezone(UTC)
    if end.time() == time(0):
        end += timedelta(days=1)
    return begin, end


def _text(at: datetime, zone: ZoneInfo | None) -> str:
    if zone is None:
        return moment(at)
    return at.astimezone(zone).isoformat(timespec="milliseconds")


def slots(
    event_type: CalcomEventType,
    begin: datetime,
    end: datetime,
    *,
    length: int,
    ignored: str = "",
) -> Iterator[datetime]:
    """Yield when a slot begins, each beginning and ending in the range."""
    now = django_timezone.now()
    earliest, latest = bounds(event_type, now)
    begin, end = max(begin, earliest), min(end, latest)
    if begin >= end:
        return
    step = int(setting(event_type, "slotInterval") or length)
    blocked = [
        *busy(event_type, begin, end, ignored=ignored, for_slots=True),
        *_reserved(event_type, begin, end),
    ]
    full = _full_days(event_type, begin, end)
    zone = check.zone(event_type.owner.time_zone)
    offset = int(setting(event_type, "offsetStart") or 0)
    for piece in _less(working_hours(event_type, begin, end), blocked):
        first, last = max(piece[0], begin), min(piece[1], end)
        start = _rounded(first, step) + offset * _MINUTE
        while start + length * _MINUTE <= last:
            if start.astimezone(zone).date() not in full:
                yield start.astimezone(UTC)
            start += (step + offset) * _MINUTE


def _rounded(at: datetime, step: int) -> datetime:
    """Return the next whole half hour, quarter, … that suits the step."""
    grid = next((minutes for minutes in _STARTS_ON if step % minutes == 0), 1)
    over = timedelta(
        minutes=at.minute % grid, seconds=at.second, microseconds=at.microsecond
    )
    return at if not over else at - over + grid * _MINUTE


def bounds(event_type: CalcomEventType, now: datetime) -> Piece:
    """Return the earliest and the latest start that notice and window allow."""
    notice = int(setting(event_type, "minimumBookingNotice") or 0)
    window = setting(event_type, "bookingWindow") or {}
    zone = check.zone(event_type.owner.time_zone)
    today = now.astimezone(zone).date()
    earliest, latest = now + notice * _MINUTE, now + timedelta(days=3650)
    kind: Any = window.get("type")
    value: Any = window.get("value")
    if kind == "calendarDays":
        latest = _midnight(today + timedelta(days=int(value) + 1), zone)
    elif kind == "businessDays":
        latest = _midnight(_business_days(today, int(value)) + timedelta(days=1), zone)
    elif kind == "range":
        first, last = (date.fromisoformat(text[:10]) for text in value)
        earliest = max(earliest, _midnight(first, zone))
        latest = _midnight(last + timedelta(days=1), zone)
    return earliest, latest


def _business_days(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone)


def working_hours(
    event_type: CalcomEventType, begin: datetime, end: datetime
) -> list[Piece]:
    """Return the hours of the event type's schedule around a range."""
    rows = CalcomSchedule.objects.filter(owner=event_type.owner)
    number = setting(event_type, "scheduleId")
    schedule = (
        rows.filter(pk=number) if number else rows.filter(is_default=True)
    ).first()
    if schedule is None:
        return []
    zone = check.zone(schedule.time_zone)
    day, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
    pieces: list[Piece] = []
    while day <= last:
        pieces += [
            _piece(day, entry, zone)
            for entry in _hours_on(schedule, day)
            if entry["startTime"] < entry["endTime"]
        ]
        day += timedelta(days=1)
    return pieces


def _hours_on(schedule: CalcomSchedule, day: date) -> list[Json]:
    special = [o for o in schedule.overrides if o["date"] == day.isoformat()]
    if special:
        return special
    usual = [e for e in schedule.availability if f"{day:%A}" in e["days"]]
    return sorted(usual, key=lambda entry: str(entry["startTime"]))


def _piece(day: date, entry: Json, zone: ZoneInfo) -> Piece:
    opens, closes = (
        datetime.combine(day, time.fromisoformat(entry[name]), tzinfo=zone)
        for name in ("startTime", "endTime")
    )
    return opens.astimezone(UTC), closes.astimezone(UTC)


def busy(
    event_type: CalcomEventType,
    begin: datetime,
    end: datetime,
    *,
    ignored: str = "",
    for_slots: bool = False,
) -> list[Piece]:
    """Return what the host's bookings block for this event type, buffers included.

    Pending ones block nothing, or slots alone where their event type says so. A
    seated booking blocks no seat of its own event type.
    """
    around = timedelta(days=1)
    rows = (
        CalcomBooking.objects.filter(
            host=event_type.owner,
            starts_at__lt=end + around,
            ends_at__gt=begin - around,
        )
        .filter(Q(status="accepted") | Q(status="pending"))
        .exclude(uid=ignored)
        .select_related("event_type")
    )
    before = int(setting(event_type, "beforeEventBuffer") or 0)
    after = int(setting(event_type, "afterEventBuffer") or 0)
    pieces = []
    for row in rows:
        theirs = row.event_type
        policy = setting(theirs, "confirmationPolicy") or {}
        if row.status == "pending" and not (
            for_slots and policy.get("blockUnconfirmedBookingsInBooker")
        ):
            continue
        if seats_of(event_type) and theirs.pk == event_type.pk:
            continue
        lead = int(setting(theirs, "beforeEventBuffer") or 0) + after
        tail = int(setting(theirs, "afterEventBuffer") or 0) + before
        pieces.append((row.starts_at - lead * _MINUTE, row.ends_at + tail * _MINUTE))
    return pieces


def _reserved(
    event_type: CalcomEventType, begin: datetime, end: datetime
) -> list[Piece]:
    rows = CalcomReservation.objects.filter(
        event_type__owner=event_type.owner,
        until__gt=django_timezone.now(),
        starts_at__lt=end,
        ends_at__gt=begin,
    )
    return [(row.starts_at, row.ends_at) for row in rows]


def _less(pieces: Iterable[Piece], blocked: list[Piece]) -> Iterator[Piece]:
    for begin, end in pieces:
        for first, last in sorted(blocked):
            if first < end and last > begin:
                if first > begin:
                    yield begin, first
                begin = max(begin, last)
        if begin < end:
            yield begin, end


def _full_days(
    event_type: CalcomEventType, begin: datetime, end: datetime
) -> set[date]:
    """Return the days on which the event type's daily limit is reached."""
    per_day = (setting(event_type, "bookingLimitsCount") or {}).get("day")
    if not per_day:
        return set()
    zone = check.zone(event_type.owner.time_zone)
    around = timedelta(days=1)
    starts = CalcomBooking.objects.filter(
        event_type=event_type,
        status="accepted",
        starts_at__range=(begin - around, end + around),
    ).values_list("starts_at", flat=True)
    counted = Counter(start.astimezone(zone).date() for start in starts)
    return {day for day, count in counted.items() if count >= per_day}


def _seated(
    event_type: CalcomEventType, begin: datetime, end: datetime
) -> dict[datetime, Json] | None:
    if not seats_of(event_type):
        return None
    rows = CalcomBooking.objects.filter(
        event_type=event_type, status="accepted", starts_at__range=(begin, end)
    )
    return {
        row.starts_at: _seats(event_type, row.attendees.count())
        | {"bookingUid": row.uid}
        for row in rows
    }


def _seats(event_type: CalcomEventType, taken: int) -> Json:
    total = seats_of(event_type)
    return {
        "seatsBooked": taken,
        "seatsRemaining": total - taken,
        "seatsTotal": total,
    }
