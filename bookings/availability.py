"""Which times may be offered: the calendar's, within our rules, minus what is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial

from django.conf import settings
from django.db import transaction

from bookings import hours, occupancy, slots
from bookings.answers import Code, Declined
from bookings.calendars import calendar_for
from bookings.calls import Caller
from bookings.language import phrases
from bookings.language.times import Reading, to_instant
from bookings.models import Appointment, Occupancy, Offer
from bookings.occupancy import Claim, Resource
from tenants.models import Branch, Service, Staff, StaffService
from tenants.scoping import let_go

HORIZON_DAYS = 14  # one request shows the wished day and two weeks more
OFFERS = 3
#: What the answer itself takes when the asking is over.
TO_ANSWER_S = 0.25


@dataclass(frozen=True)
class Choice:
    """One way to book a service: an event type, and whose time it takes."""

    event_type_id: int
    service: Service
    staff: Staff | None
    resource: Resource

    def ends_at(self, starts_at: datetime) -> datetime:
        """Return the end of a visit, without buffers."""
        return starts_at + timedelta(minutes=self.service.duration_min)


def choices(
    branch: Branch, service: Service, *, staff: Staff | None = None
) -> list[Choice]:
    """Return the ways to book a service, with the wished person where one is named.

    :raises Declined: that person can't be booked for it.
    """
    pairs = list(
        StaffService.objects.filter(service=service, staff__is_active=True)
        .select_related("staff")
        .order_by("staff__name", "id")
    )
    shared = service.calcom_event_type_id or branch.calcom_event_type_id
    own = [pair for pair in pairs if pair.calcom_event_type_id]
    if staff is not None:
        wished = [pair for pair in pairs if pair.staff_id == staff.pk]
        if not wished or not (wished[0].calcom_event_type_id or len(pairs) == 1):
            raise Declined(Code.POLICY, phrases.staff_not_bookable(staff.name))
        own = [pair for pair in own if pair.staff_id == staff.pk]
    if own:
        return [_of_person(service, pair, pair.calcom_event_type_id) for pair in own]
    if not shared:
        raise Declined(
            Code.UPSTREAM_UNAVAILABLE, phrases.upstream_unavailable(), needs_person=True
        )
    if len(pairs) == 1:
        return [_of_person(service, pairs[0], shared)]
    places = max(service.capacity, len(pairs))
    return [Choice(shared, service, None, Resource(branch.pk, places))]


def _of_person(
    service: Service, pair: StaffService, event_type_id: int | None
) -> Choice:
    assert event_type_id is not None
    resource = Resource(pair.staff_id, service.capacity)
    return Choice(event_type_id, service, pair.staff, resource)


@dataclass(frozen=True)
class Free:
    """A time that may be offered, and how it would be booked."""

    starts_at: datetime
    choice: Choice


def free_times(
    caller: Caller,
    ways: Sequence[Choice],
    *,
    begin: datetime,
    end: datetime,
    is_fresh: bool = False,
    moving_uid: str = "",
) -> list[Free]:
    """Return the free times in an interval that our rules allow, sorted.

    :param is_fresh: ask the calendar although an answer is remembered.
    :param moving_uid: a booking whose own time counts as free.
    :raises CalendarUnavailable: the calendar gave no answer in time.
    :raises CalendarRefused: the branch's set-up is wrong.
    """
    branch = caller.branch
    earliest = caller.now + timedelta(minutes=branch.minimum_notice_min)
    latest = caller.now + timedelta(days=branch.booking_window_days)
    found: dict[datetime, Free] = {}
    for way in ways:
        starts = _calendar_starts(
            caller, way, begin, end, is_fresh=is_fresh, moving_uid=moving_uid
        )
        wanted = [at for at in starts if begin <= at < end and earliest <= at <= latest]
        for at in _allowed(caller, way, wanted, moving_uid):
            found.setdefault(at, Free(at, way))
    return [found[at] for at in sorted(found)]


def _calendar_starts(
    caller: Caller,
    way: Choice,
    begin: datetime,
    end: datetime,
    *,
    is_fresh: bool,
    moving_uid: str,
) -> list[datetime]:
    branch = caller.branch
    calendar = partial(calendar_for, branch, rehearsal=caller.call.is_rehearsal)
    timeout_s = min(settings.CALCOM_READ_TIMEOUT_S, max(caller.left_s - TO_ANSWER_S, 0))
    if not is_fresh and not moving_uid:
        question = slots.Question(branch.company_id, way.event_type_id, begin, end)
        return slots.read(calendar, question, timeout_s=timeout_s)
    asked = calendar()
    let_go()
    free = asked.free_slots(
        event_type_id=way.event_type_id,
        starts_at=begin,
        ends_at=end,
        timeout_s=timeout_s,
        moving_uid=moving_uid,
    )
    return [slot.starts_at for slot in free]


def _allowed(
    caller: Caller, way: Choice, starts: Sequence[datetime], moving_uid: str
) -> list[datetime]:
    if not starts:
        return []
    begin, _ = occupancy.span(way.service, min(starts))
    _, end = occupancy.span(way.service, max(starts))
    taken = occupancy.busy(
        way.resource, begin, end, call_id=caller.call.pk, moving_uid=moving_uid
    )
    return [
        at
        for at in starts
        if hours.is_open(caller.branch, at, way.ends_at(at))
        and occupancy.is_free(occupancy.span(way.service, at), taken)
    ]


def window(caller: Caller, wish: Reading) -> tuple[datetime, datetime]:
    """Return the interval to ask the calendar for: whole local days, in UTC.

    :raises Declined: the wish lies in the past or beyond the booking window.
    """
    branch, zone = caller.branch, caller.branch.zone
    today = caller.now.astimezone(zone).date()
    first = wish.date or today
    if first < today:
        raise Declined(Code.INVALID_INPUT, phrases.past())
    if first > today + timedelta(days=branch.booking_window_days):
        raise Declined(Code.POLICY, phrases.too_far(branch.booking_window_days))
    last = max(first, wish.date_to or first) + timedelta(days=HORIZON_DAYS)
    return (
        datetime.combine(first, time.min, zone).astimezone(UTC),
        datetime.combine(last, time.min, zone).astimezone(UTC),
    )


def wished_instant(
    caller: Caller, wish: Reading, *, check_notice: bool = True
) -> datetime | None:
    """Return the very moment that was wished, if date and time were named.

    :param check_notice: False for the moment of an appointment that exists.
    :raises Declined: that moment doesn't exist, is past, or comes too soon.
    """
    is_range = wish.date_to is not None and wish.date_to != wish.date
    if wish.date is None or wish.time is None or is_range:
        return None
    at = to_instant(wish.date, wish.time, caller.branch.zone)
    if at is None:
        raise Declined(Code.INVALID_INPUT, phrases.ask_time())
    if at <= caller.now:
        raise Declined(Code.INVALID_INPUT, phrases.past())
    notice = timedelta(minutes=caller.branch.minimum_notice_min)
    if check_notice and at < caller.now + notice:
        raise Declined(Code.POLICY, phrases.too_soon(caller.branch.minimum_notice_min))
    return at


def best(caller: Caller, wish: Reading, free: Sequence[Free]) -> list[Free]:
    """Return up to three free times nearest to the wish, best first.

    The wished day comes before others. What lies outside the wished part of a day is
    offered only where nothing lies inside.
    """
    zone = caller.branch.zone
    exact = wished_instant(caller, wish) if wish.time else None
    if exact is not None:
        return sorted(free, key=lambda one: abs(one.starts_at - exact))[: OFFERS * 2]

    def rank(one: Free) -> tuple[bool, int, datetime]:
        local = one.starts_at.astimezone(zone)
        clock, last = local.time(), wish.date_to or wish.date
        return (
            last is not None and local.date() > last,
            abs(_minutes(clock) - _minutes(wish.time)) if wish.time else 0,
            one.starts_at,
        )

    inside = [
        one for one in free if _is_within(one.starts_at.astimezone(zone).time(), wish)
    ]
    return sorted(inside or free, key=rank)[: OFFERS * 2]


def _is_within(clock: time, wish: Reading) -> bool:
    return (wish.time_from is None or clock >= wish.time_from) and (
        wish.time_to is None or clock < wish.time_to
    )


def _minutes(clock: time) -> int:
    return clock.hour * 60 + clock.minute


def hold(
    caller: Caller, candidates: Sequence[Free], *, wished_on: date | None
) -> list[Offer]:
    """Hold up to three of the candidates for this call and write the offers down.

    Earlier holds of the call are let go in the same transaction. What somebody
    else took in this moment drops out.

    :param wished_on: the day that was asked for.
    """
    until = caller.now + timedelta(seconds=occupancy.HOLD_S)
    with transaction.atomic():
        occupancy.lock_call(caller.call.pk)
        occupancy.lock_resources(
            {one.choice.resource.id for one in candidates}, call_id=caller.call.pk
        )
        occupancy.drop_holds(caller.call.pk)
        claims = [_claim(caller, one, until) for one in candidates]
        got = occupancy.claim(claims, rehearsal=caller.call.is_rehearsal)
        offers = [one.offer for one in got if one.offer is not None]
        kept, spare = offers[:OFFERS], offers[OFFERS:]
        Occupancy.objects.filter(offer__in=[offer.pk for offer in spare]).delete()
        number = Offer.objects.filter(call=caller.call).count()
        for rank, offer in enumerate(kept, start=1):
            offer.rank, offer.short_id = rank, f"T{number + rank}"
            offer.wished_on = wished_on
        Offer.objects.bulk_create(kept)
    return kept


def _claim(caller: Caller, one: Free, until: datetime) -> Claim:
    offer = Offer(
        company_id=caller.branch.company_id,
        call=caller.call,
        service=one.choice.service,
        staff=one.choice.staff,
        starts_at=one.starts_at,
        held_until=until,
    )
    return Claim(
        one.choice.resource,
        occupancy.span(one.choice.service, one.starts_at),
        Occupancy.Purpose.HOLD,
        offer=offer,
        expires_at=until,
    )


def choice_of(appointment: Appointment) -> Choice:
    """Return the way in which an appointment was booked, and so moves.

    A calendar may have named a host for what takes a place of the whole branch.
    """
    branch, service, staff = appointment.branch, appointment.service, appointment.staff
    own = appointment.occupancies.filter(resource=branch.pk)
    if staff is None or own.exists():
        people = StaffService.objects.filter(service=service, staff__is_active=True)
        places = max(service.capacity, people.count())
        resource, staff = Resource(branch.pk, places), None
    else:
        resource = Resource(staff.pk, service.capacity)
    return Choice(appointment.event_type_id, service, staff, resource)
