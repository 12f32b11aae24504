"""The house rules: hours, notice, window, and which offer was meant."""

from __future__ import annotations

import time as clock
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from bookings import availability, hours, identity, intake, policies, wishes
from bookings.answers import Declined
from bookings.availability import Choice, Free
from bookings.calls import Caller
from bookings.language.times import Reading
from bookings.models import Appointment, Call, Customer, Offer
from bookings.occupancy import Resource
from tenants.models import Branch, Company, Service

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 11, 0, tzinfo=UTC)  # a Wednesday, noon in Berlin
MONDAY, TUESDAY = date(2026, 11, 30), date(2026, 12, 1)
WEEK = {"mon": ["09:00-12:30", "13:30-18:00"], "tue": ["09:00-18:00"]}


def make_branch(**values):
    given = {
        "time_zone": "Europe/Berlin",
        "region": "BE",
        "opening_hours": WEEK,
        "minimum_notice_min": 60,
        "booking_window_days": 30,
    }
    company = Company(name="Salon", cancellation_notice_min=24 * 60)
    return Branch(company=company, **given | values)


def make_caller(**values):
    return Caller(
        branch=make_branch(**values),
        call=Call(),
        phone=None,
        deadline=clock.monotonic() + 1,
        now=NOW,
    )


def at(day, hour, minute=0):
    return datetime.combine(day, time(hour, minute), BERLIN)


def refusal(check, *arguments):
    with pytest.raises(Declined) as caught:
        check(*arguments)
    return caught.value.answer


@pytest.mark.parametrize(
    ("begin", "minutes", "is_open"),
    [
        (at(MONDAY, 9), 30, True),
        (at(MONDAY, 8, 45), 30, False),
        (at(MONDAY, 12), 30, True),
        (at(MONDAY, 12, 15), 30, False),
        (at(MONDAY, 13), 30, False),
        (at(MONDAY, 17, 30), 30, True),
        (at(MONDAY, 17, 45), 30, False),
        (at(date(2026, 12, 2), 10), 30, False),
        (at(date(2026, 5, 25), 10), 30, False),  # Whit Monday
    ],
)
def test_a_visit_lies_within_the_hours_from_begin_to_end(begin, minutes, is_open):
    end = begin + timedelta(minutes=minutes)

    assert hours.is_open(make_branch(), begin, end) is is_open
    in_utc = begin.astimezone(UTC), end.astimezone(UTC)
    assert hours.is_open(make_branch(), *in_utc) is is_open


def test_holidays_are_those_of_the_branchs_state():
    women_day = date(2027, 3, 8)  # a Monday, and a holiday in Berlin alone

    assert hours.is_closed(make_branch(region="BE"), women_day)
    assert not hours.is_closed(make_branch(region="BY"), women_day)
    assert not hours.is_closed(make_branch(region="BE", opening_hours={}), MONDAY)


@pytest.mark.parametrize(
    ("starts_at", "code"),
    [
        (NOW - timedelta(minutes=1), "invalid_input"),
        (NOW + timedelta(minutes=59), "policy"),
        (NOW + timedelta(days=31), "policy"),
    ],
)
def test_a_start_that_is_past_too_soon_or_too_far_is_refused(starts_at, code):
    answer = refusal(policies.check_start, make_caller(), starts_at)

    assert answer.code == code
    assert answer.say.endswith("?")


def test_a_start_just_in_time_is_allowed():
    policies.check_start(make_caller(), NOW + timedelta(minutes=60))
    policies.check_start(make_caller(), NOW + timedelta(days=30))


@pytest.mark.parametrize(
    ("of_branch", "hours_ahead", "is_allowed"),
    [
        (None, 25, True),
        (None, 23, False),
        (60, 2, True),
        (60, 0.5, False),
        (0, 0, True),
    ],
)
def test_the_branchs_rule_for_changes_goes_before_the_companys(
    of_branch, hours_ahead, is_allowed
):
    caller = make_caller(cancellation_notice_min=of_branch)
    appointment = Appointment(starts_at=NOW + timedelta(hours=hours_ahead))

    if is_allowed:
        policies.check_change(caller, appointment)
    else:
        answer = refusal(policies.check_change, caller, appointment)
        assert (answer.code, answer.needs_person) == ("policy", True)


def make_offer(day, hour, *, wished_on=MONDAY, held=True):
    until = NOW + timedelta(minutes=3 if held else -1)
    return Offer(starts_at=at(day, hour), wished_on=wished_on, held_until=until)


NINE, TEN, OLD = (
    make_offer(TUESDAY, 9),
    make_offer(MONDAY, 10),
    make_offer(TUESDAY, 11, held=False),
)


@pytest.mark.parametrize(
    ("reading", "meant"),
    [
        (Reading(date=TUESDAY, time=time(9)), NINE),
        (Reading(date=MONDAY, time=time(9)), NINE),  # the day that was asked for
        (Reading(time=time(9)), NINE),
        (Reading(date=date(2026, 12, 3), time=time(9)), None),  # another day
        (Reading(date=MONDAY, time=time(10)), TEN),
        (Reading(date=MONDAY, time=time(12)), None),
        (Reading(date=TUESDAY), None),
        (Reading(date=TUESDAY, time=time(11)), OLD),  # said exactly
        (Reading(time=time(11)), None),  # no longer held: a question
    ],
)
def test_which_offer_is_meant(reading, meant):
    assert intake.offer_meant(make_caller(), reading, [NINE, TEN, OLD]) is meant


def test_a_time_that_two_offers_have_is_neither():
    twins = [make_offer(TUESDAY, 9), make_offer(date(2026, 12, 3), 9)]

    assert intake.offer_meant(make_caller(), Reading(time=time(9)), twins) is None


FREE = [
    Free(at(day, hour), Choice(1, Service(duration_min=30), None, Resource(uuid4())))
    for day in (MONDAY, TUESDAY)
    for hour in (9, 10, 14, 16, 17)
]


@pytest.mark.parametrize(
    ("reading", "first"),
    [
        (
            Reading(date=MONDAY, time=time(14)),
            [at(MONDAY, 14), at(MONDAY, 16), at(MONDAY, 17)],
        ),
        (
            Reading(date=MONDAY, date_to=MONDAY, time_from=time(16)),
            [at(MONDAY, 16), at(MONDAY, 17), at(TUESDAY, 16)],
        ),
        (
            Reading(date=TUESDAY),
            [at(MONDAY, 9), at(MONDAY, 10), at(MONDAY, 14)],
        ),
        (
            Reading(time_from=time(20)),
            [at(MONDAY, 9), at(MONDAY, 10), at(MONDAY, 14)],
        ),
    ],
)
def test_the_nearest_times_come_first(reading, first):
    found = availability.best(make_caller(), reading, FREE)

    assert [one.starts_at for one in found][:3] == first


@pytest.mark.parametrize(
    ("reading", "name", "fits"),
    [
        (Reading(), "", True),
        (Reading(date=MONDAY), "", True),
        (Reading(date=TUESDAY), "", False),
        (Reading(date=MONDAY, time=time(14)), "Erika Muster", True),
        (Reading(date=MONDAY, time=time(15)), "", False),
        (Reading(date=MONDAY, date_to=TUESDAY), "", True),
        (Reading(time_from=time(12), time_to=time(18)), "", True),
        (Reading(time_from=time(15)), "", False),
        (Reading(time=time(2), unsure=True), "", False),
        (
            Reading(
                time=time(2),
                unsure=True,
                alternatives=((None, time(2)), (None, time(14))),
            ),
            "",
            True,
        ),
        (Reading(), "Frau Muster", True),
        (Reading(), "Unbekannt", True),
        (Reading(), "Otto Anders", False),
    ],
)
def test_what_was_said_fits_an_appointment_or_not(reading, name, fits):
    appointment = Appointment(
        starts_at=at(MONDAY, 14), customer=Customer(name="Erika Muster")
    )

    assert identity.fits(appointment, reading, name, BERLIN) is fits


def test_no_time_is_left_below_zero():
    late = replace(make_caller(), deadline=clock.monotonic() - 5)

    assert late.left_s == 0


@pytest.mark.parametrize(
    "spoken",
    [
        *("", "egal", "Ist mir egal", "völlig egal", "beliebig", "irgendjemand"),
        *("jeder", "keine Präferenz", "wer gerade frei ist", "anyone", "any"),
        *("None", "{{staff}}"),
    ],
)
def test_whoever_wishes_nobody_gets_anybody(spoken):
    assert wishes.staff_of(make_branch(), spoken) is None
