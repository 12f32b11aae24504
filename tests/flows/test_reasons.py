"""A caller hears why, and what happened is what the call's row says."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bookings.models import Call, Callback
from tenants.models import Branch
from tenants.scoping import scope
from tests.flows.test_book import begin, first_offer, workday
from tests.flows.test_care import sunday

BERLIN = ZoneInfo("Europe/Berlin")
WEEK = {day: ["09:00-17:00"] for day in ("mon", "tue", "wed", "thu", "fri")}


def outcome(branch):
    with scope(branch.company_id):
        return Call.objects.get().outcome


def test_a_closed_day_is_said_to_be_closed_with_other_days(system, salon):
    with scope(salon.company_id):
        Branch.objects.update(opening_hours=WEEK)
    caller = begin(system)

    heard = caller.tool("check_availability", date=sunday())

    assert "geschlossen" in heard["say"]
    assert heard["data"]["offers"]
    assert "Frei ist" in heard["say"]


def test_offers_lie_inside_the_wished_part_of_the_day(system, salon):
    caller = begin(system)

    heard = caller.tool("check_availability", date=workday(), time="ab 15 Uhr")

    starts = [
        datetime.fromisoformat(offer["starts_at"]).astimezone(BERLIN)
        for offer in heard["data"]["offers"]
    ]
    assert starts
    assert all(at.hour >= 15 for at in starts)


def test_a_wish_that_is_still_open_makes_the_call_noted(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    system.fault("* /v2/*", "status", 503)

    caller.tool("create_booking", offer_id=offer["offer_id"], name="Nora Notiz")

    assert outcome(salon) == "pending"


def test_a_callback_that_was_asked_for_is_the_calls_outcome(system, salon):
    caller = begin(system)

    caller.tool("request_callback", name="Nora Notiz", reason="Farbe")

    assert outcome(salon) == "callback"


def test_a_promised_callback_outlives_the_outcome_that_was_told(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    system.fault("* /v2/*", "status", 503)
    caller.tool("create_booking", offer_id=offer["offer_id"], name="Nora Notiz")
    caller.tool("request_callback", name="Nora Notiz", reason="Farbe")
    system.control("DELETE", "faults")

    for _ in range(30):
        if caller.tool("booking_status")["code"] == "booked":
            break

    assert caller.tool("booking_status")["code"] == "booked"
    with scope(salon.company_id):
        callback = Callback.objects.get()
    assert (callback.state, callback.kind) == ("open", "requested")


def test_the_third_failure_of_a_kind_leads_to_a_person(system, salon):
    caller = begin(system)
    wish = {"date": "Blumenkohl", "time": "11:00", "name": "Nora Notiz"}

    answers = [caller.tool("create_booking", **wish) for _ in range(3)]

    assert ["Rückruf" in answer["say"] for answer in answers] == [False, False, True]
    with scope(salon.company_id):
        assert Callback.objects.get().phone == "+493023125042"
