import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.integrations.sandbox.stand_in import KEY

OFFER = {"offer_id": "k7", "starts_at": "2026-12-01T09:00:00Z", "say": "zehn Uhr"}
STATE = {
    "webhook_key": KEY,
    "phone_numbers": [{"phone_number": "+493083793369", "inbound_agents": []}],
}


@pytest.fixture
def world(web):
    web.state = STATE
    for tool, code, data in (
        ("check_availability", "ok", {"offers": [OFFER]}),
        ("create_booking", "booked", {"appointment_id": "17"}),
    ):
        answer = {"success": True, "code": code, "say": "Gern.", "data": data}
        web.tool_answers[tool] = [(200, answer)]
    return web


def run(web, *options):
    out = StringIO()
    address = ("--web", web.url, "--sandbox", web.url)
    door = ("--door", "function")
    call_command(
        "sandbox_call", "--scenario", "d", *address, *door, *options, stdout=out
    )
    return out.getvalue()


def test_a_conversation_is_printed_with_what_was_said_and_heard(world):
    printed = run(world)

    assert "Mein Name ist Max Unbekannt.“" in printed
    assert "tool create_booking(offer_id=k7, name=Max Unbekannt" in printed
    assert "Agent:   „Gern.“" in printed
    assert "→ booked" in printed


def test_with_json_one_object_holds_the_calls(world):
    (call,) = json.loads(run(world, "--json"))["calls"]

    assert (call["scenario"], call["outcome"]) == ("d", "booked")
    assert all(is_genuine for _, _, is_genuine in world.requests)


def test_an_answer_that_was_not_due_fails_and_says_what_to_do(world):
    refusal = {"success": False, "code": "internal", "say": "", "data": {}}
    world.tool_answers["create_booking"] = [(200, refusal)]

    with pytest.raises(CommandError) as failure:
        run(world)

    assert "create_booking answered 'internal'" in str(failure.value)
    assert "manage.py preflight" in str(failure.value)


def test_another_key_signs_where_one_is_given(world):
    run(world, "--webhook-key", "another")

    assert not any(is_genuine for _, _, is_genuine in world.requests)


def test_a_rejected_caller_fails_with_the_number(world):
    world.answers["call_inbound"] = [(200, {"call_inbound": {"reject": True}})]

    with pytest.raises(CommandError, match="rejected the call to"):
        run(world)


def test_without_a_sandbox_it_says_how_to_start_one(web):
    web.close()

    with pytest.raises(CommandError, match="Start it with"):
        run(web)
