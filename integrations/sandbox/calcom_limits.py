"""Limits of an event type: bookings a day, week, month, year; active ones a booker."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.db.models import F, Sum
from django.utils import timezone

from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_errors import Bare, Refusal
from integrations.sandbox.calcom_event_types import setting
from integrations.sandbox.models import CalcomBooking, CalcomEventType

TOO_MANY_ACTIVE = (
    "Attendee with this email can't book because the maximum number of active bookings"
    " has been reached."
)


def refuse_over_limit(event_type: CalcomEventType, start: datetime, email: str) -> None:
    """Refuse a booking that one of the limits forbids.

    :raises Refusal: the booker's own; :raises Bare: the event type's.
    """
    _refuse_active(event_type, email)
    counts = setting(event_type, "bookingLimitsCount") or {}
    durations = setting(event_type, "bookingLimitsDuration") or {}
    for unit in ("day", "week", "month", "year"):
        if not counts.get(unit) and not durations.get(unit):
            continue
        first, last = _around(start, unit, event_type.owner.time_zone)
        rows = CalcomBooking.objects.filter(
            event_type=event_type,
            status="accepted",
            starts_at__gte=first,
            starts_at__lt=last,
        )
        if counts.get(unit) and rows.count() >= counts[unit]:
            raise Bare(401, "booking_limit_reached")
        used = rows.aggregate(sum=Sum(F("ends_at") - F("starts_at")))["sum"]
        minutes = (used or timedelta()) // timedelta(minutes=1)
        if durations.get(unit) and minutes + event_type.length_min > durations[unit]:
            raise Bare(401, "duration_limit_reached")


def _refuse_active(event_type: CalcomEventType, email: str) -> None:
    limit = setting(event_type, "bookerActiveBookingsLimit") or {}
    most = limit.get("maximumActiveBookings")
    if not most:
        return
    rows = CalcomBooking.objects.filter(
        event_type=event_type,
        status="accepted",
        starts_at__gte=timezone.now(),
        attendees__email=email,
    ).order_by("-starts_at")
    if rows.count() < most:
        return
    text = TOO_MANY_ACTIVE
    if limit.get("offerReschedule"):
        text += (
            f" You can reschedule your existing booking ({rows[0].uid}) to a new"
            " timeslot instead."
        )
    raise Refusal(400, text)


def _around(start: datetime, unit: str, zone_name: str) -> tuple[datetime, datetime]:
    zone = check.zone(zone_name)
    day = start.astimezone(zone).date()
    first, last = {
        "day": (day, day + timedelta(days=1)),
        "week": _week(day),
        "month": (
            day.replace(day=1),
            (day.replace(day=28) + timedelta(days=4)).replace(day=1),
        ),
        "year": (date(day.year, 1, 1), date(day.year + 1, 1, 1)),
    }[unit]
    return (
        datetime.combine(first, time(0), tzinfo=zone),
        datetime.combine(last, time(0), tzinfo=zone),
    )


def _week(day: date) -> tuple[date, date]:
    monday = day - timedelta(days=day.weekday())
    return monday, monday + timedelta(days=7)
