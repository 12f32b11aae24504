"""What each answer of a calendar makes of a wish, its time and who hears of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from bookings import calendars, fulfilment, occupancy, outcomes
from bookings.calendars import (
    BookingNotFound,
    CalendarBooking,
    CalendarRefused,
    CalendarUnavailable,
    OutcomeUnknown,
    SlotTaken,
)
from bookings.models import Appointment, AppointmentChange, Callback, Occupancy
from tenants.scoping import scope
from tests import factories
from tests.bookings import fake_calendar

pytestmark = pytest.mark.django_db

AT = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=3)
ELSEWHERE = AT + timedelta(days=1)


@pytest.fixture
def branch(settings):
    settings.CALENDAR_BACKEND = "tests.bookings.fake_calendar.FakeCalendar"
    calendars._backend.cache_clear()
    fake_calendar.script.clear()
    fake_calendar.asked.clear()
    branch = factories.make_branch(company=factories.make_company())
    factories.make_service(branch=branch)
    with scope(branch.company_id):
        yield branch
    calendars._backend.cache_clear()


def wish(branch, **values):
    """Return an appointment with something under way, due now."""
    given = {
        "intent": "book",
        "intent_state": "requested",
        "state": "requested",
        "next_try_at": timezone.now() - timedelta(seconds=1),
    }
    appointment = factories.make_appointment(
        branch=branch,
        service=branch.services.get(),
        call=factories.make_call(branch=branch),
        starts_at=AT,
        **given | values,
    )
    factories.make_occupancy(appointment=appointment)
    if appointment.wished_starts_at:
        span = occupancy.span(appointment.service, appointment.wished_starts_at)
        factories.make_occupancy(
            appointment=appointment, purpose="move", during=span, lanes="[0,)"
        )
    return appointment


def change(branch, intent, **values):
    return wish(
        branch,
        intent=intent,
        state="booked",
        calcom_uid="old",
        wished_starts_at=LATER if intent == "move" else None,
        **values,
    )


def record(uid="uid1", status="accepted", at=AT, **values):
    return CalendarBooking(
        uid=uid,
        status=status,
        starts_at=at,
        ends_at=at + timedelta(minutes=30),
        **values,
    )


def attempted(appointment, **script):
    fake_calendar.script.update(script)
    assert fulfilment.attempt(appointment.pk)
    appointment.refresh_from_db()
    return appointment.state, appointment.intent, appointment.intent_state


def taken():
    return sorted(
        during.lower for during in Occupancy.objects.values_list("during", flat=True)
    )


def again(appointment):
    Appointment.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
    return appointment


@pytest.mark.parametrize(
    ("answer", "ends", "blocked", "callbacks"),
    [
        (record(), ("booked", None, None), [AT], 0),
        (record(status="pending"), ("requested", None, None), [AT], 1),
        (SlotTaken(), ("declined", None, None), [], 0),
        (CalendarRefused("no"), ("declined", None, None), [], 1),
        (CalendarUnavailable(), ("requested", "book", "requested"), [AT], 0),
        (OutcomeUnknown(), ("unknown", "book", "unknown"), [AT], 0),
    ],
)
def test_a_first_try_to_book(branch, answer, ends, blocked, callbacks):
    appointment = wish(branch)

    assert attempted(appointment, book=[answer]) == ends
    assert taken() == blocked
    assert Callback.objects.count() == callbacks


@pytest.mark.parametrize(
    ("answer", "ends", "starts_at"),
    [
        (record(), ("booked", None, None), AT),
        (record(at=ELSEWHERE), ("booked", None, None), ELSEWHERE),
        (None, ("unknown", "book", "unknown"), AT),
        (CalendarUnavailable(), ("unknown", "book", "unknown"), AT),
        (CalendarRefused("401"), ("unknown", "book", "unknown"), AT),
    ],
)
def test_a_look_up_after_a_try_without_an_answer(branch, answer, ends, starts_at):
    appointment = wish(branch, intent_state="unknown", state="unknown", attempts=1)

    assert attempted(appointment, find=[answer]) == ends
    assert appointment.starts_at == starts_at
    assert taken() == [starts_at]
    assert fake_calendar.asked == ["find"]


def test_two_empty_look_ups_come_before_a_repeat(branch):
    appointment = wish(branch, intent_state="unknown", state="unknown", attempts=1)

    attempted(appointment, find=[None, None])
    assert not fulfilment.attempt(appointment.pk), "the second comes seconds later"
    assert attempted(again(appointment)) == ("requested", "book", "requested")
    assert attempted(appointment, book=[record()]) == ("booked", None, None)
    assert fake_calendar.asked == ["find", "find", "book"]


def test_taken_by_ourselves_is_booked(branch):
    appointment = wish(branch, attempts=2)

    ends = attempted(appointment, book=[SlotTaken()], find=[record()])

    assert ends == ("booked", None, None)


def test_an_outcome_that_nobody_can_look_up_asks_a_person_and_keeps_the_time(branch):
    soon = timezone.now() + timedelta(minutes=1)
    appointment = wish(branch, intent_state="unknown", state="unknown", attempts=1)
    Appointment.objects.update(starts_at=soon, ends_at=soon + timedelta(minutes=30))

    for answer in (CalendarUnavailable(), CalendarRefused("401")):
        ends = attempted(again(appointment), find=[answer])
        assert ends == ("unknown", "book", "unknown")

    assert len(taken()) == 1
    assert Callback.objects.get().appointment_id == appointment.pk


def test_a_lease_that_ran_out_is_unknown_and_its_worker_changes_nothing(branch):
    appointment = wish(
        branch,
        intent_state="sending",
        state="booking",
        attempts=1,
        leased_until=timezone.now() - timedelta(seconds=1),
    )

    assert attempted(appointment, find=[None]) == ("unknown", "book", "unknown")
    assert not outcomes.agreed(appointment, 1, record())
    assert not outcomes.taken(appointment, 1)


def test_what_is_leased_or_not_due_is_left_alone(branch):
    leased = wish(branch, leased_until=timezone.now() + timedelta(seconds=9))

    assert not fulfilment.attempt(leased.pk)
    assert fake_calendar.asked == []


@pytest.mark.parametrize(
    ("script", "ends", "at", "uid"),
    [
        ({"move": [record("new", at=LATER)]}, ("booked", None), LATER, "new"),
        (
            {"move": [record("new", "pending", at=LATER)]},
            ("requested", None),
            LATER,
            "new",
        ),
        (
            {"move": [SlotTaken()], "get": [record("old")]},
            ("booked", None),
            AT,
            "old",
        ),
        (
            {"move": [CalendarRefused()], "get": [record("old")]},
            ("booked", None),
            AT,
            "old",
        ),
        (
            {
                "move": [CalendarRefused()],
                "get": [
                    record("old", "cancelled", moved_to_uid="theirs"),
                    record("theirs", at=ELSEWHERE),
                ],
            },
            ("booked", None),
            ELSEWHERE,
            "theirs",
        ),
    ],
)
def test_a_move(branch, script, ends, at, uid):
    appointment = change(branch, "move", attempts=1)

    assert attempted(appointment, **script)[:2] == ends
    assert (appointment.starts_at, appointment.calcom_uid) == (at, uid)
    assert taken() == [at]
    assert AppointmentChange.objects.count() == 1


def test_a_move_of_what_was_cancelled_ends_cancelled(branch):
    appointment = change(branch, "move", attempts=1)
    gone = record("old", "cancelled")

    ends = attempted(appointment, move=[CalendarRefused()], get=[gone])

    assert ends == ("cancelled", None, None)
    assert taken() == []
    assert Callback.objects.count() == 1


@pytest.mark.parametrize("intent", ["move", "cancel"])
@pytest.mark.parametrize("error", [CalendarUnavailable(), OutcomeUnknown()])
def test_a_booked_appointment_stays_booked_meanwhile(branch, intent, error):
    appointment = change(branch, intent)

    state, under_way, _ = attempted(appointment, **{intent: [error]})

    assert (state, under_way) == ("booked", intent)
    assert AT in taken()


@pytest.mark.parametrize(
    ("found", "ends"),
    [
        ([record("old", "cancelled")], ("cancelled", None)),
        ([record("old")], ("booked", "cancel")),
        (
            [record("old", "cancelled", moved_to_uid="new"), record("new", at=LATER)],
            ("booked", "cancel"),
        ),
        ([BookingNotFound()], ("booked", "cancel")),
    ],
)
def test_a_cancellation_without_an_answer_is_looked_up(branch, found, ends):
    appointment = change(branch, "cancel", intent_state="unknown", attempts=1)

    assert attempted(appointment, get=found)[:2] == ends
    assert taken() == ([] if ends[0] == "cancelled" else [AT])


def test_what_became_too_late_is_not_sent(branch):
    branch.minimum_notice_min = 60
    branch.save()
    appointment = wish(branch)
    soon = timezone.now() + timedelta(minutes=50)
    Appointment.objects.update(starts_at=soon, ends_at=soon + timedelta(minutes=30))

    assert attempted(appointment) == ("declined", None, None)
    assert fake_calendar.asked == []
    assert Callback.objects.count() == 1


def test_what_was_in_time_when_it_was_spoken_is_sent(branch):
    branch.minimum_notice_min = 60
    branch.save()
    appointment = wish(branch)
    soon = timezone.now() + timedelta(minutes=58)
    Appointment.objects.update(starts_at=soon, ends_at=soon + timedelta(minutes=30))

    assert attempted(appointment, book=[record(at=soon)]) == ("booked", None, None)
