"""Nothing is guessed: not the day, not the person, not the service."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bookings.models import Appointment, Call, Callback, Customer
from integrations.sandbox.caller import ANONYMOUS, Habits
from tenants.models import Branch
from tenants.scoping import scope
from tests import factories
from tests.flows.test_book import begin, first_offer, ours, workday
from tests.flows.test_change import booked, live

BERLIN = ZoneInfo("Europe/Berlin")


def local(data):
    return datetime.fromisoformat(data["starts_at"]).astimezone(BERLIN)


def sunday():
    day = datetime.now(BERLIN).date() + timedelta(days=2)
    return (day + timedelta(days=6 - day.weekday())).isoformat()


def test_an_offer_is_accepted_with_the_day_that_was_asked_for(system, salon):
    caller = begin(system)
    offer = first_offer(caller, date=sunday(), time="11:00")
    answer = caller.tool(
        "create_booking",
        date=sunday(),
        time=f"{local(offer):%H:%M}",
        name="Erika Beispiel",
    )

    assert answer["code"] == "booked"
    assert answer["data"]["starts_at"] == offer["starts_at"]


def test_another_day_at_an_offered_time_is_another_wish(system, salon):
    caller = begin(system)
    offer = first_offer(caller, date=workday(ahead=6), time="15:00")
    day = workday(ahead=2)

    answer = caller.tool(
        "create_booking", date=day, time=f"{local(offer):%H:%M}", name="Erika Beispiel"
    )

    assert answer["code"] == "booked"
    assert f"{local(answer['data']):%Y-%m-%d}" == day


def test_the_same_time_wished_twice_at_once_is_one_appointment(system, salon):
    caller = begin(system, habits=Habits(is_doubled=False))
    wish = {"date": workday(), "time": "11:00", "name": "Erika Beispiel"}

    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(lambda _: caller.tool("create_booking", **wish), range(4))
        )

    assert {answer["code"] for answer in answers} == {"booked"}, answers
    assert len({answer["data"]["appointment_id"] for answer in answers}) == 1
    assert len(ours(system)) == 1


def test_a_repeat_that_spells_the_name_otherwise_gets_the_first_result(system, salon):
    caller = begin(system)
    wish = {"date": workday(), "time": "11:00"}

    first = caller.tool("create_booking", **wish, name="Erika Meier")
    again = caller.tool("create_booking", **wish, name="Frau Mayer")

    assert (first["code"], again["code"]) == ("booked", "booked")
    assert first["data"]["appointment_id"] == again["data"]["appointment_id"]


def test_the_same_move_twice_at_once_moves_once(system, salon):
    booked(system)
    caller = begin(system, habits=Habits(is_doubled=False))
    wish = {"date": workday(ahead=6), "time": "15:00"}

    with ThreadPoolExecutor(4) as threads:
        answers = list(
            threads.map(lambda _: caller.tool("reschedule_booking", **wish), range(4))
        )

    assert {answer["code"] for answer in answers} == {"booked"}, answers
    assert len(live(system)) == 1


def test_an_offer_of_another_service_than_was_named_is_a_question(system, salon):
    with scope(salon.company_id):
        factories.make_service(branch=salon, name="Dauerwelle")
    caller = begin(system)
    offer = first_offer(caller, date=workday(), service="Beratung")
    wish = {"offer_id": offer["offer_id"], "name": "Erika Beispiel"}

    other = caller.tool("create_booking", **wish, service="Dauerwelle")
    same = caller.tool("create_booking", **wish, service="Beratung")

    assert other["code"] == "ambiguous"
    assert other["say"].endswith("?")
    assert same["code"] == "booked"


def test_a_day_without_an_appointment_cancels_none(system, salon):
    booked(system, date=workday(ahead=3), time="11:00")
    caller = begin(system)

    answer = caller.tool("cancel_booking", date=workday(ahead=6))

    assert answer["code"] == "ambiguous"
    assert len(live(system)) == 1


def test_another_persons_name_cancels_nothing(system, salon):
    booked(system)
    caller = begin(system)

    answer = caller.tool("cancel_booking", name="Otto Anders")

    assert answer["code"] == "ambiguous"
    assert len(live(system)) == 1


def test_a_repeated_cancellation_leaves_the_other_appointment(system, salon):
    first = booked(system, date=workday(ahead=3), time="11:00")
    booked(system, date=workday(ahead=6), time="15:00")
    caller = begin(system)
    day = f"{local(first):%Y-%m-%d}"

    answers = [caller.tool("cancel_booking", date=day) for _ in range(2)]

    assert [answer["code"] for answer in answers] == ["ok", "ok"]
    assert {answer["data"]["appointment_id"] for answer in answers} == {
        first["appointment_id"]
    }
    assert len(live(system)) == 1


def test_somebody_elses_appointment_takes_a_proof_from_any_telephone(system, salon):
    hers = booked(system)
    booked(system, name="Otto Anders", number="+493023125099", date=workday(ahead=6))
    at = local(hers)
    husband = begin(system, number="+493023125099")
    details = {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}"}

    wrong = husband.tool("cancel_booking", name="Ida Irrtum", **details)
    right = husband.tool("cancel_booking", name="Erika Beispiel", **details)

    assert wrong["code"] == "not_found"
    assert right["data"]["appointment_id"] == hers["appointment_id"]
    assert len(live(system)) == 1


def test_a_name_that_only_sounds_alike_proves_nothing(system, salon):
    hers = booked(system, name="Erika Meier")
    at = local(hers)
    caller = begin(system, number=ANONYMOUS)

    answer = caller.tool(
        "cancel_booking",
        name="Erika Mayer",
        date=f"{at:%Y-%m-%d}",
        time=f"{at:%H:%M}",
    )

    assert answer["code"] == "not_found"
    assert hers["starts_at"] not in str(answer)
    assert len(live(system)) == 1


def test_many_proofs_at_once_are_no_more_than_three(system, salon):
    hers = booked(system)
    at = local(hers)
    caller = begin(system, number=ANONYMOUS, habits=Habits(is_doubled=False))
    details = {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}"}
    strangers = ["Otto Falsch", "Ida Irrtum", "Udo Unsinn", "Ute Unfug", "Kai Quatsch"]

    with ThreadPoolExecutor(5) as threads:
        codes = list(
            threads.map(
                lambda name: caller.tool("cancel_booking", name=name, **details)[
                    "code"
                ],
                strangers,
            )
        )

    assert sorted(codes) == ["not_found"] * 3 + ["not_permitted"] * 2
    with scope(salon.company_id):
        assert max(Call.objects.values_list("proof_attempts", flat=True)) == 3


def test_a_number_that_was_only_said_takes_over_nobody(system, salon):
    with scope(salon.company_id):
        known = factories.make_customer(
            company=salon.company,
            name="Erika Beispiel",
            phone="+493023125042",
            email="erika@example.org",
        )
    stranger = begin(system, number=ANONYMOUS)

    stranger.tool(
        "create_booking",
        date=workday(),
        time="11:00",
        name="Erika Beispiel",
        phone="030 23125042",
        email="stranger@example.org",
    )

    with scope(salon.company_id):
        known.refresh_from_db()
        assert known.email == "erika@example.org"
        assert Appointment.objects.get().customer_id != known.pk
        assert Customer.objects.count() == 2


def test_a_branch_that_is_not_ready_promises_nothing_without_a_number(system, salon):
    with scope(salon.company_id):
        Branch.objects.update(calcom_event_type_id=None)
    caller = begin(system, number=ANONYMOUS)

    answer = caller.tool("check_availability", date=workday())

    assert "meldet sich" not in answer["say"]
    assert answer["say"].endswith("?")
    with scope(salon.company_id):
        assert Callback.objects.get().kind == "not_ready"


def test_a_template_never_becomes_a_name(system, salon):
    caller = begin(system)
    wish = {"date": workday(), "time": "11:00", "bestaetigung": "ja"}

    unfilled = caller.tool("create_booking", **wish, name="Frau {{name}}")
    filled = caller.tool("create_booking", **wish, name="Erika Beispiel")

    assert (unfilled["code"], filled["code"]) == ("invalid_input", "booked")
