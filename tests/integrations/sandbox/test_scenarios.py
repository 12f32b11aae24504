import datetime
import json

import pytest

from integrations.sandbox.scenarios import SCENARIOS, play
from integrations.sandbox.world import SandboxUnreachable, World
from tests.integrations.sandbox.stand_in import KEY

WEDNESDAY = datetime.datetime(2026, 11, 25, 9, tzinfo=datetime.UTC)
OFFER = {
    "offer_id": "k7",
    "starts_at": "2026-12-01T09:00:00Z",
    "say": "Dienstag, 10 Uhr",
}
BOOKING = {"appointment_id": "17", "starts_at": "2026-12-01T09:00:00Z"}


def answer(code, **data):
    say = f"Antwort: {code}."
    return 200, {"success": code != "internal", "code": code, "say": say, "data": data}


@pytest.fixture
def world(web):
    web.tool_answers = {
        "check_availability": [answer("ok", offers=[OFFER])],
        "create_booking": [answer("booked", **BOOKING)],
        "reschedule_booking": [answer("booked", **BOOKING)],
        "cancel_booking": [answer("ok", **BOOKING)],
        "find_bookings": [answer("ok", appointments=[BOOKING])],
    }
    return World(
        web.url,
        web.url,
        webhook_key=KEY,
        to_number="+493083793369",
        status_pause_s=0,
        clock=WEDNESDAY.timestamp,
    )


def levers(web):
    return [(verb, path, body) for verb, path, body in web.levers if verb != "PUT"]


def test_a_occupies_monday_and_books_what_is_offered_instead(web, world):
    web.tool_answers["check_availability"] = [answer("taken", offers=[OFFER])]

    (call,) = play("a", world)

    assert levers(web) == [
        (
            "POST",
            "/_sandbox/bookings",
            {"start": "2026-11-30T14:00:00+01:00", "name": "Jemand Anderes"},
        )
    ]
    assert web.tools() == [
        ("check_availability", {"date": "Montag", "time": "14 Uhr"}),
        (
            "create_booking",
            {
                "offer_id": "k7",
                "name": "Erika Beispiel",
                "confirmed": True,
                "email": "erika@example.com",
            },
        ),
    ]
    assert call["outcome"] == "booked"
    assert call["appointment_id"] == "17"
    assert call["starts_at"] == "2026-12-01T09:00:00Z"
    assert call["correlation_id"] == "inb_17"
    assert call["complaints"] == []
    assert web.events()[-2:] == ["call_ended", "call_analyzed"]


def test_on_a_monday_both_days_that_montag_may_mean_are_occupied(web, world):
    world.clock = datetime.datetime(2026, 11, 30, 9, tzinfo=datetime.UTC).timestamp

    play("a", world)

    starts = [body["start"][:10] for _, _, body in levers(web)]
    assert starts == ["2026-11-30", "2026-12-07"]


def test_b_moves_and_c_cancels_what_a_booked(web, world):
    (first,) = play("a", world)
    (moved,) = play("b", world)
    (cancelled,) = play("c", world)

    assert [first["outcome"], moved["outcome"], cancelled["outcome"]] == [
        "booked", "moved", "cancelled"
    ]  # fmt: skip
    assert len({first["call_id"], moved["call_id"], cancelled["call_id"]}) == 3
    reschedule = dict(web.tools())["reschedule_booking"]
    assert reschedule == {"appointment_id": "17", "offer_id": "k7"}
    assert dict(web.tools())["cancel_booking"]["appointment_id"] == "17"
    assert moved["ok"]
    assert cancelled["ok"]


def test_b_alone_books_first(world):
    booked, moved = play("b", world)

    assert (booked["scenario"], moved["scenario"]) == ("a", "b")
    assert moved["outcome"] == "moved"


def test_b_complains_where_the_customer_is_not_known_by_her_number(web, world):
    web.tool_answers["find_bookings"] = [answer("not_found")]

    _, moved = play("b", world)

    assert moved["complaints"] == [
        "find_bookings answered 'not_found' where ok was due",
        "find_bookings doesn't name the appointment",
    ]
    assert moved["ok"] is False


def test_d_hides_the_number_and_gives_a_name_only(web, world):
    (call,) = play("d", world)

    assert call["outcome"] == "booked"
    assert {body["call"]["from_number"] for _, body, _ in web.requests[1:]} == {
        "anonymous"
    }
    assert set(dict(web.tools())["create_booking"]) == {"offer_id", "name", "confirmed"}


def test_e_has_one_booked_and_one_who_hears_alternatives(web, world):
    web.tool_answers["create_booking"] = [
        answer("booked", **BOOKING),
        answer("taken", offers=[OFFER]),
    ]

    calls = play("e", world)

    assert sorted(call["outcome"] for call in calls) == ["alternatives", "booked"]
    wishes = [(args["date"], args["time"]) for _, args in web.tools()]
    assert wishes == [("2026-12-02", "11:00")] * 2
    assert all(call["ok"] for call in calls)


def test_e_tries_another_time_where_both_are_refused(web, world):
    refusal = answer("taken", offers=[OFFER])
    web.tool_answers["create_booking"] = [
        refusal, refusal, answer("booked", **BOOKING), refusal
    ]  # fmt: skip

    calls = play("e", world)

    assert sorted(call["outcome"] for call in calls) == ["alternatives", "booked"]
    assert [args["time"] for _, args in web.tools()] == ["11:00"] * 2 + ["13:00"] * 2


def test_f_is_noted_while_calcom_is_down_and_the_fault_ends_with_it(web, world):
    web.tool_answers["create_booking"] = [answer("pending", **BOOKING)]
    web.tool_answers["booking_status"] = [answer("pending", **BOOKING)]

    (call,) = play("f", world)

    assert call["outcome"] == "pending"
    assert call["ok"]
    assert levers(web) == [
        ("POST", "/_sandbox/faults", {"route": "* /v2/*", "status": 503}),
        ("DELETE", "/_sandbox/faults", None),
    ]
    assert [name for name, _ in web.tools()].count("booking_status") == 3


def test_f_complains_of_a_booking_that_cannot_be_true(world):
    (call,) = play("f", world)

    assert call["complaints"] == [
        "create_booking answered 'booked' where pending or unknown_state was due"
    ]


def test_g_hears_the_outcome_when_it_asks_again(web, world):
    web.tool_answers["create_booking"] = [answer("pending", **BOOKING)]
    web.tool_answers["booking_status"] = [
        answer("pending", **BOOKING), answer("booked", **BOOKING)
    ]  # fmt: skip

    (call,) = play("g", world)

    assert call["outcome"] == "booked"
    assert call["ok"]
    assert levers(web)[0][2] == {"route": "POST /v2/bookings", "delay_after_s": 12.0}


def test_h_sends_everything_twice_and_the_events_backwards(web, world):
    (call,) = play("h", world)

    assert web.events() == [
        "call_inbound", "call_inbound",
        "call_analyzed", "call_analyzed",
        "call_ended", "call_ended",
        "call_started", "call_started",
    ]  # fmt: skip
    assert call["ok"]


def test_h_complains_of_a_second_appointment(web, world):
    web.tool_answers["create_booking"] = [
        answer("booked", **BOOKING), answer("booked", appointment_id="18")
    ]  # fmt: skip

    (call,) = play("h", world)

    assert call["complaints"] == ["the repeated create_booking made another one"]


def test_every_scenario_reports_data_that_json_can_hold(world):
    for letter in SCENARIOS:
        for call in play(letter, world):
            assert json.loads(json.dumps(call)) == call


def test_an_answer_that_is_refused_is_a_complaint(web, world):
    web.tool_answers["check_availability"] = [(500, {})]

    (call,) = play("d", world)

    assert call["outcome"] == "failed"
    assert "check_availability: HTTP 500" in call["complaints"]


def test_the_world_takes_number_agent_and_key_from_the_sandbox(web):
    web.state = {
        "webhook_key": KEY,
        "phone_numbers": [
            {
                "phone_number": "+493083793369",
                "inbound_agents": [{"agent_id": "agent_1"}],
            }
        ],
    }

    world = World.of_sandbox(web.url, web.url, to_number="", from_number="anonymous")

    assert (world.webhook_key, world.to_number, world.agent_id) == (
        KEY, "+493083793369", "agent_1"
    )  # fmt: skip
    assert world.caller("+491").conversation.numbers["from_number"] == "anonymous"


def test_without_a_sandbox_the_world_says_how_to_start_one():
    with pytest.raises(SandboxUnreachable, match="sandbox --port N"):
        World.of_sandbox("http://127.0.0.1:9", "http://127.0.0.1:9")
