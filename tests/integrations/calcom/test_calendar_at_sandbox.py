"""The calendar over real HTTP, at a Cal.com that shares no code with it."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bookings.calendars import (
    Attendee,
    BookingRequest,
    CalendarRefused,
    CalendarUnavailable,
    OutcomeUnknown,
    SlotTaken,
    calendar_for,
)
from integrations import breaker
from integrations.models import ProviderRequest
from tenants.models import ProviderAccount
from tenants.scoping import scope

EMAIL_EVENT_TYPE_ID = 2026362
CREATE = "POST /v2/bookings"


@pytest.fixture
def scoped(salon):
    with scope(salon.company_id):
        yield salon
        breaker.reset(str(ProviderAccount.objects.get(company=salon.company).pk))


@pytest.fixture
def calendar(scoped):
    return calendar_for(scoped)


@pytest.fixture
def free(calendar, scoped):
    """Return some free times, at least a day ahead."""
    begin = datetime.now(UTC) + timedelta(days=1)
    slots = calendar.free_slots(
        event_type_id=scoped.calcom_event_type_id,
        starts_at=begin,
        ends_at=begin + timedelta(days=7),
        timeout_s=5,
    )
    return [slot.starts_at for slot in slots]


@pytest.fixture
def wish(scoped, free):
    return BookingRequest(
        key=uuid.uuid4(),
        event_type_id=scoped.calcom_event_type_id,
        starts_at=free[0],
        duration_min=30,
        attendee=Attendee(
            name="Max Muster", time_zone="Europe/Berlin", phone="+4915112345678"
        ),
        notes="Bitte kurz",
    )


def look_up(calendar, wish):
    return calendar.find(
        key=wish.key,
        event_type_id=wish.event_type_id,
        starts_at=wish.starts_at,
        timeout_s=5,
    )


def test_a_booking_lives_moves_and_ends(calendar, wish, free, system):
    made = calendar.book(wish, timeout_s=5)
    assert (made.status, made.key, made.starts_at) == ("accepted", wish.key, free[0])
    assert look_up(calendar, wish) == made
    assert calendar.get(made.uid, timeout_s=5) == made

    moved = calendar.move(made.uid, starts_at=free[4], reason="verhindert", timeout_s=5)
    assert (moved.moved_from_uid, moved.starts_at) == (made.uid, free[4])
    assert calendar.get(made.uid, timeout_s=5).moved_to_uid == moved.uid
    again = calendar.move(made.uid, starts_at=free[4], reason="nochmal", timeout_s=5)
    assert again.uid == moved.uid
    assert look_up(calendar, wish).uid == moved.uid

    for uid in (moved.uid, moved.uid, made.uid):
        ended = calendar.cancel(uid, reason="verhindert", timeout_s=5)
        assert (ended.uid, ended.is_live) == (moved.uid, False)
    assert look_up(calendar, wish) is None


def test_one_minute_is_enough_to_see_one_slot(calendar, scoped, free):
    slots = calendar.free_slots(
        event_type_id=scoped.calcom_event_type_id,
        starts_at=free[0],
        ends_at=free[0] + timedelta(minutes=1),
        timeout_s=5,
    )

    assert [slot.starts_at for slot in slots] == [free[0]]


def test_a_taken_time_is_taken(calendar, wish, system):
    calendar.book(wish, timeout_s=5)
    other = replace(wish, key=uuid.uuid4())

    with pytest.raises(SlotTaken):
        calendar.book(other, timeout_s=5)

    assert len(system.bookings()) == 1


def test_a_missing_address_is_named(calendar, wish, system):
    strict = replace(wish, event_type_id=EMAIL_EVENT_TYPE_ID)

    with pytest.raises(CalendarRefused) as caught:
        calendar.book(strict, timeout_s=5)

    assert caught.value.needs == "email"
    assert system.bookings() == []


def test_a_booking_without_an_answer_is_found_by_its_key(calendar, wish, system):
    system.control("POST", "faults", {"route": CREATE, "kind": "cut_after", "times": 1})

    with pytest.raises(OutcomeUnknown):
        calendar.book(wish, timeout_s=5)

    assert look_up(calendar, wish).starts_at == wish.starts_at
    assert len(system.bookings()) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 429}, CalendarUnavailable),
        ({"status": 500}, OutcomeUnknown),
        ({"kind": "cut_before"}, OutcomeUnknown),
        ({"delay_s": 2}, OutcomeUnknown),
    ],
)
def test_what_was_not_written_is_not_found(calendar, wish, system, fault, error):
    system.control("POST", "faults", {"route": CREATE, "times": 1} | fault)

    with pytest.raises(error):
        calendar.book(wish, timeout_s=1)

    if "delay_s" not in fault:
        assert look_up(calendar, wish) is None


def test_every_request_is_on_record(calendar, wish):
    calendar.book(wish, timeout_s=5)

    rows = ProviderRequest.objects.order_by("at").values_list(
        "method", "status", "outcome"
    )
    assert list(rows) == [("GET", 200, "ok"), ("POST", 201, "ok")]
