"""A caller wants an appointment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from zoneinfo import ZoneInfo

import pytest

from bookings.models import Appointment, Callback, Customer, Notification, Occupancy
from integrations.models import ToolCall
from integrations.sandbox.caller import ANONYMOUS, Habits
from tenants.models import Branch, PhoneNumber
from tenants.scoping import every_company, scope
from tests.system import eventually

BERLIN = ZoneInfo("Europe/Berlin")


RACERS = (
    *("Rita Rasch", "Felix Flink", "Ella Eilig", "Hugo Hast"),
    *("Susi Schnell", "Timo Tempo", "Frida Fix", "Jana Jetzt"),
)


def workday(*, ahead: int = 3) -> str:
    """Return a day on which the sandbox's calendar is open, never a Monday."""
    day = datetime.now(BERLIN).date() + timedelta(days=ahead)
    while day.weekday() in (0, 6):
        day += timedelta(days=1)
    return day.isoformat()


def begin(system, **more):
    caller = system.caller(**more)
    caller.ring()
    caller.start()
    return caller


def first_offer(caller, **wish):
    heard = caller.tool("check_availability", **(wish or {"date": workday()}))
    return heard["data"]["offers"][0]


def ours(system):
    return [
        one for one in system.bookings() if one["metadata"].get("askpro_appointment")
    ]


def test_an_offer_becomes_an_appointment_in_the_calendar(system, salon):
    caller = begin(system)
    heard = caller.tool("check_availability", date=workday(), time="vormittags")
    offers = heard["data"]["offers"]

    answer = caller.tool(
        "create_booking",
        offer_id=offers[0]["offer_id"],
        name="Erika Beispiel",
        email="erika at example punkt com",
    )

    assert heard["code"] == "ok"
    assert 2 <= len(offers) <= 3
    assert answer["code"] == "booked"
    assert answer["success"] is True
    with scope(salon.company_id):
        row = Appointment.objects.select_related("customer").get()
        assert row.state == "booked"
        assert row.starts_at.isoformat() == offers[0]["starts_at"]
        assert row.customer.email == "erika@example.com"
        assert row.customer.phone == "+493023125042"
        assert [one.purpose for one in Occupancy.objects.all()] == ["booking"]
        sent = eventually(lambda: Notification.objects.filter(state="sent").first())
        assert sent.recipient == "erika@example.com"
    (booking,) = ours(system)
    assert booking["uid"] == row.calcom_uid
    assert booking["metadata"]["askpro_appointment"] == str(row.key)
    assert datetime.fromisoformat(booking["start"]) == row.starts_at


def test_the_same_wish_again_is_the_same_appointment(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    wish = {"offer_id": offer["offer_id"], "name": "Erika Beispiel"}

    first = caller.tool("create_booking", **wish)
    again = caller.tool("create_booking", **wish)

    assert (first["code"], again["code"]) == ("booked", "booked")
    assert first["data"]["appointment_id"] == again["data"]["appointment_id"]
    assert len(ours(system)) == 1


def test_the_same_wish_twice_at_once_is_one_appointment(system, salon):
    caller = begin(system, habits=Habits(is_doubled=False))
    offer = first_offer(caller)
    wish = {"offer_id": offer["offer_id"], "name": "Erika Beispiel"}

    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(lambda _: caller.tool("create_booking", **wish), range(4))
        )

    assert {answer["code"] for answer in answers} == {"booked"}
    assert len({answer["data"]["appointment_id"] for answer in answers}) == 1
    assert len(ours(system)) == 1


def test_racers_for_one_time_get_it_once(system, salon):
    callers = [begin(system, number=f"+4930231250{n}") for n in range(10, 18)]
    day = workday()
    gate = Barrier(len(callers))

    def race(caller):
        gate.wait()
        return caller.tool(
            "create_booking",
            date=day,
            time="11:00",
            name=RACERS[callers.index(caller)],
        )

    with ThreadPoolExecutor(len(callers)) as threads:
        answers = list(threads.map(race, callers))

    codes = sorted(answer["code"] for answer in answers)
    with scope(salon.company_id):
        eventually(
            lambda: not Appointment.objects.filter(intent__isnull=False).exists()
        )
        assert Appointment.objects.filter(state="booked").count() == 1
    assert len(ours(system)) == 1
    assert codes.count("booked") + codes.count("pending") == 1
    assert codes.count("taken") == len(callers) - 1
    assert all(a["data"]["offers"] for a in answers if a["code"] == "taken")


def test_what_is_held_for_one_caller_is_not_offered_to_another(system, salon):
    one, other = begin(system), begin(system, number="+493023125043")
    wish = {"date": workday(), "time": "11:00"}

    held = {
        offer["starts_at"]
        for offer in one.tool("check_availability", **wish)["data"]["offers"]
    }
    offered = other.tool("check_availability", **wish)

    assert offered["code"] == "taken"
    assert not held & {offer["starts_at"] for offer in offered["data"]["offers"]}


def test_a_caller_without_a_number_books_with_a_name_alone(system, salon):
    caller = begin(system, number=ANONYMOUS)
    offer = first_offer(caller)

    answer = caller.tool(
        "create_booking", offer_id=offer["offer_id"], name="Max Muster"
    )

    assert answer["code"] == "booked"
    with scope(salon.company_id):
        customer = Customer.objects.get()
    assert (customer.name, customer.phone, customer.email) == ("Max Muster", None, None)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (
            {"date": "Blumenkohl", "time": "11:00", "name": "Erika Muster"},
            "invalid_input",
        ),
        ({"time": "11:00", "name": "Erika Muster"}, "invalid_input"),
        (
            {"date": "{{date}}", "time": "11:00", "name": "Erika Muster"},
            "invalid_input",
        ),
        ({"date": "DAY", "name": "Erika Muster"}, "invalid_input"),
        ({"date": "DAY", "time": "11:00"}, "invalid_input"),
        ({"date": "DAY", "time": "11:00", "name": "Unbekannt"}, "invalid_input"),
        (
            {
                "date": "DAY",
                "time": "11:00",
                "name": "Erika Muster",
                "service": "Reifenwechsel",
            },
            "invalid_input",
        ),
        (
            {
                "date": "DAY",
                "time": "11:00",
                "name": "Erika Muster",
                "confirmed": False,
            },
            "invalid_input",
        ),
        ({"offer_id": "T99", "name": "Erika Muster"}, "invalid_input"),
    ],
)
def test_what_is_missing_or_unreadable_is_asked_for(system, salon, wish, code):
    caller = begin(system)
    wish = {key: workday() if value == "DAY" else value for key, value in wish.items()}

    answer = caller.tool("create_booking", **wish)

    assert answer["code"] == code
    assert answer["success"] is False
    assert answer["say"].endswith("?")
    assert ours(system) == []
    with scope(salon.company_id):
        assert not Appointment.objects.exists()
        assert not Customer.objects.exists()


def test_a_calendar_that_is_down_gets_the_booking_later(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    system.fault("* /v2/*", "status", 503)

    told = caller.tool("create_booking", offer_id=offer["offer_id"], name="Nora Notiz")
    system.control("DELETE", "faults")

    assert told["code"] == "pending"
    assert "gebucht" not in told["say"].lower()
    with scope(salon.company_id):
        row = eventually(
            lambda: Appointment.objects.filter(state="booked").first(), within_s=60
        )
        assert Callback.objects.filter(appointment=row, kind="unreached").count() == 1
    assert [one["uid"] for one in ours(system)] == [row.calcom_uid]
    assert caller.tool("booking_status")["code"] == "booked"
    with scope(salon.company_id):
        assert not Callback.objects.filter(state="open").exists()


def test_a_booking_whose_answer_was_lost_exists_once(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    system.fault("POST /v2/bookings", "cut_after", times=1)

    told = caller.tool("create_booking", offer_id=offer["offer_id"], name="Lars Leise")

    assert told["code"] == "pending"
    with scope(salon.company_id):
        eventually(
            lambda: Appointment.objects.filter(state="booked").first(), within_s=60
        )
    assert len(ours(system)) == 1


def test_a_slot_that_the_calendar_refuses_is_declined_with_alternatives(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    system.control(
        "POST", "bookings", {"start": offer["local"], "name": "Jemand Anderes"}
    )

    answer = caller.tool(
        "create_booking", offer_id=offer["offer_id"], name="Erika Muster"
    )

    assert answer["code"] == "taken"
    assert offer["starts_at"] not in {
        one["starts_at"] for one in answer["data"]["offers"]
    }
    with scope(salon.company_id):
        assert [one.state for one in Appointment.objects.all()] == ["declined"]
    assert ours(system) == []


def test_a_branch_that_is_not_ready_says_so_and_staff_see_it(system, salon):
    with scope(salon.company_id):
        Branch.objects.update(calcom_event_type_id=None)
    caller = begin(system)

    answer = caller.tool("check_availability", date=workday())

    assert (answer["success"], answer["code"]) == (False, "upstream_unavailable")
    assert answer["say"]
    with scope(salon.company_id):
        callback = Callback.objects.get()
    assert callback.kind == "not_ready"
    assert "Event-Type" in callback.reason


def test_an_unknown_number_touches_nothing(system, salon):
    caller = begin(system, to_number="+493099999999")

    answer = caller.tool("create_booking", date=workday(), time="11:00", name="Erika M")

    assert answer["code"] == "not_permitted"
    assert ours(system) == []
    with every_company():
        kept = ToolCall.objects.get()
    assert kept.company_id is None
    assert kept.arguments["name"] == "***"


def test_an_unknown_tool_never_succeeds(system, salon):
    answer = begin(system).tool("book_a_flight")

    assert answer["success"] is False
    assert answer["say"]


def test_a_company_is_found_by_the_dialled_number_alone(system, salon):
    from tests import salons

    other = salons.make(system, slug="werkstatt", number="+493083793370")
    caller = begin(system, to_number="+493083793370")

    caller.tool("get_current_context", company_id=str(salon.company_id))

    with scope(other.company_id):
        assert PhoneNumber.objects.get().number == "+493083793370"
        assert ToolCall.objects.count() == 1
    with scope(salon.company_id):
        assert not ToolCall.objects.exists()
