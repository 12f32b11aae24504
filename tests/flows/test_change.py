"""A customer calls again: to move, to cancel, to ask."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bookings.models import Appointment, Callback, Occupancy
from integrations.sandbox.caller import ANONYMOUS
from tenants.scoping import scope
from tests.flows.test_book import begin, first_offer, ours, workday

BERLIN = ZoneInfo("Europe/Berlin")


def booked(system, *, name="Erika Beispiel", number="+493023125042", **wish):
    caller = begin(system, number=number)
    offer = first_offer(caller, **wish)
    answer = caller.tool("create_booking", offer_id=offer["offer_id"], name=name)
    assert answer["code"] == "booked"
    caller.hang_up()
    return answer["data"]


def live(system):
    return [one for one in ours(system) if one["status"] == "accepted"]


def test_a_known_caller_moves_her_appointment(system, salon):
    old = booked(system)
    caller = begin(system)
    new = first_offer(caller, date=workday(ahead=6), time="15:00")

    answer = caller.tool("reschedule_booking", offer_id=new["offer_id"])

    assert answer["code"] == "booked"
    assert answer["data"]["starts_at"] == new["starts_at"]
    with scope(salon.company_id):
        row = Appointment.objects.get()
        assert str(row.pk) == old["appointment_id"]
        assert len(row.earlier_uids) == 1
        assert [one.purpose for one in Occupancy.objects.all()] == ["booking"]
        assert Occupancy.objects.get().during.lower == row.starts_at
    assert [one["uid"] for one in live(system)] == [row.calcom_uid]


def test_a_move_that_overlaps_the_old_time_keeps_one_row(system, salon):
    old = booked(system, date=workday(), time="11:00")
    at = datetime.fromisoformat(old["starts_at"]).astimezone(BERLIN)
    caller = begin(system)

    answer = caller.tool(
        "reschedule_booking", date=f"{at:%Y-%m-%d}", time=f"{at.hour}:30"
    )

    assert answer["code"] == "booked"
    with scope(salon.company_id):
        assert (
            Occupancy.objects.get().during.lower == Appointment.objects.get().starts_at
        )


def test_a_move_to_a_taken_time_leaves_the_old_one(system, salon):
    old = booked(system, date=workday(), time="11:00")
    booked(
        system, name="Otto Anders", number="+493023125099", date=workday(), time="15:00"
    )
    caller = begin(system)

    answer = caller.tool("reschedule_booking", date=workday(), time="15:00")

    assert answer["code"] == "taken"
    assert answer["data"]["offers"]
    with scope(salon.company_id):
        row = Appointment.objects.get(pk=old["appointment_id"])
    assert row.starts_at.isoformat() == old["starts_at"]
    assert (row.state, row.intent) == ("booked", None)
    assert len(live(system)) == 2


def test_a_known_caller_cancels_and_the_time_is_free_again(system, salon):
    old = booked(system)
    caller = begin(system)

    answer = caller.tool("cancel_booking", confirmed=True)
    again = caller.tool("cancel_booking", confirmed=True)

    assert (answer["code"], again["code"]) == ("ok", "ok")
    with scope(salon.company_id):
        assert Appointment.objects.get().state == "cancelled"
        assert not Occupancy.objects.filter(purpose="booking").exists()
    assert live(system) == []
    assert first_offer(caller)["starts_at"] == old["starts_at"]


def test_a_stranger_can_neither_hear_of_it_nor_change_it(system, salon):
    old = booked(system)
    stranger = begin(system, number="+493023125077")

    for tool in ("find_bookings", "cancel_booking", "reschedule_booking"):
        answer = stranger.tool(
            tool,
            name="Erika Beispiel",
            appointment_id=old["appointment_id"],
            date=workday(ahead=6),
            time="15:00",
        )
        assert answer["success"] is False
        assert old["starts_at"] not in str(answer)
    assert len(live(system)) == 1


def test_a_caller_without_a_number_proves_it_by_name_day_and_time(system, salon):
    old = booked(system)
    at = datetime.fromisoformat(old["starts_at"]).astimezone(BERLIN)
    caller = begin(system, number=ANONYMOUS)
    details = {
        "name": "Erika Beispiel",
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H:%M}",
    }

    assert (
        caller.tool("cancel_booking", name="Erika Beispiel")["code"] == "not_permitted"
    )
    answer = caller.tool("cancel_booking", **details)

    assert answer["code"] == "ok"
    assert live(system) == []


def test_after_three_wrong_proofs_there_are_no_more(system, salon):
    old = booked(system)
    at = datetime.fromisoformat(old["starts_at"]).astimezone(BERLIN)
    right = {"name": "Erika Beispiel", "date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M}"}
    caller = begin(system, number=ANONYMOUS)

    wrong = [
        caller.tool("cancel_booking", **(right | {"name": name}))["code"]
        for name in ("Otto Falsch", "Ida Irrtum", "Udo Unsinn")
    ]
    answer = caller.tool("cancel_booking", **right)

    assert wrong == ["not_found"] * 3
    assert answer["code"] == "not_permitted"
    assert len(live(system)) == 1


def test_several_appointments_make_a_question(system, salon):
    booked(system, date=workday(), time="11:00")
    booked(system, date=workday(ahead=6), time="15:00")
    caller = begin(system)

    answer = caller.tool("cancel_booking")

    assert answer["code"] == "ambiguous"
    assert len(answer["data"]["appointments"]) == 2
    assert len(live(system)) == 2


def test_a_cancellation_reaches_a_calendar_that_was_down(system, salon):
    booked(system)
    caller = begin(system)
    system.fault("* /v2/*", "status", 503)

    told = caller.tool("cancel_booking")
    system.control("DELETE", "faults")

    from tests.system import eventually

    assert told["code"] == "pending"
    with scope(salon.company_id):
        eventually(
            lambda: Appointment.objects.filter(state="cancelled").exists(), within_s=60
        )
    assert live(system) == []


def test_a_callback_is_stored_once_per_call(system, salon):
    caller = begin(system)

    first = caller.tool("request_callback", name="Erika Beispiel", reason="Farbe")
    again = caller.tool("request_callback", name="Erika Beispiel", reason="Schnitt")

    assert (first["code"], again["code"]) == ("ok", "ok")
    with scope(salon.company_id):
        callback = Callback.objects.get()
    assert callback.phone == "+493023125042"
    assert callback.reason == "Farbe\nSchnitt"


def test_a_caller_without_a_number_is_asked_for_one_before_a_callback(system, salon):
    caller = begin(system, number=ANONYMOUS)

    answer = caller.tool("request_callback", name="Max Muster")

    assert answer["code"] == "invalid_input"
    with scope(salon.company_id):
        assert not Callback.objects.exists()
