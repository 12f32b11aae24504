import json
import socket

import pytest

from integrations.sandbox import wire
from integrations.sandbox.caller import ANONYMOUS, Caller, CallRejected, Habits
from tests.integrations.sandbox.retell_shapes import example, shape
from tests.integrations.sandbox.stand_in import KEY, RING_ANSWER, TOOL_ANSWER


def make_caller(web, *, habits=None, from_number="+493023125042", **more):
    return Caller(
        web.url,
        webhook_key=KEY,
        from_number=from_number,
        to_number="+493083793369",
        agent_id="agent_5d1e07ab42c94f6e8b3309cafe",
        habits=habits,
        **more,
    )


def play(caller):
    caller.ring()
    caller.start()
    caller.says("Ist Montag um 14 Uhr frei? Grüße aus Köln.")
    caller.tool("check_availability", date="Montag", time="14 Uhr")
    caller.says("Danke, tschüss.")
    caller.hang_up()
    return caller


@pytest.mark.parametrize(
    "vector",
    [vector for vector in example("signature_vectors") if vector["expect"]],
    ids=lambda vector: vector["name"],
)
def test_it_signs_as_the_worked_vectors_say(vector):
    header = wire.signature(
        vector["raw_body"].encode(), vector["api_key"], vector["timestamp_ms"]
    )

    assert header == vector["header_value"]


def test_a_call_is_rung_talked_and_hung_up_all_signed(web):
    play(make_caller(web))

    assert [path for path, _, _ in web.requests] == [
        "/api/webhooks/retell",
        "/api/webhooks/retell",
        "/api/mcp/retell/functions/check_availability",
        "/api/webhooks/retell",
        "/api/webhooks/retell",
    ]
    assert web.events() == [
        "call_inbound", "call_started", "call_ended", "call_analyzed"
    ]  # fmt: skip
    assert all(is_genuine for _, _, is_genuine in web.requests)


@pytest.mark.parametrize("event", ["call_started", "call_ended", "call_analyzed"])
def test_an_event_has_the_fields_and_types_of_the_example(web, event):
    play(make_caller(web))

    ours, theirs = shape(web.body(event)), shape(example(event))
    for part in ("transcript_object", "transcript_with_tool_calls"):
        if part in theirs["call"]:
            kinds = set(theirs["call"].pop(part))
            assert set(ours["call"].pop(part)) <= kinds
    assert ours == theirs


def test_a_ring_has_the_fields_and_types_of_the_example(web):
    make_caller(web).ring()

    assert shape(web.requests[0][1]) == shape(example("call_inbound_request"))


def test_an_older_installation_rings_without_the_id_and_a_number(web):
    caller = make_caller(web, from_number=ANONYMOUS, habits=Habits(has_ring_id=False))
    caller.conversation.agent["agent_id"] = ""
    caller.conversation.sip_headers = {}

    caller.ring()

    expected = example("call_inbound_request_minimal_anonymous")
    assert shape(web.requests[0][1]) == shape(expected)
    assert web.requests[0][1]["call_inbound"]["from_number"] == "anonymous"


def test_a_function_call_has_the_fields_and_types_of_the_example(web):
    play(make_caller(web))

    _, body, _ = web.requests[2]
    ours, theirs = shape(body), shape(example("custom_function_request_full"))
    for envelope in (ours, theirs):
        del envelope["args"]
        del envelope["call"]["transcript_object"]
        del envelope["call"]["transcript_with_tool_calls"]
    assert ours == theirs
    assert body["args"] == {"date": "Montag", "time": "14 Uhr"}
    assert body["call"]["transcript"] == (
        "User: Ist Montag um 14 Uhr frei? Grüße aus Köln.\n"
    )


def test_a_function_call_can_carry_its_arguments_alone(web):
    caller = make_caller(web, habits=Habits(is_args_only=True))
    caller.ring()
    caller.start()
    caller.tool("booking_status", appointment_id="17")

    path, body, is_genuine = web.requests[-1]
    assert path == "/api/mcp/retell/functions/booking_status"
    assert body == {"call_id": caller.call_id, "appointment_id": "17"}
    assert is_genuine


def test_a_function_call_can_name_the_tool_in_its_body_only(web):
    caller = make_caller(web, habits=Habits(has_name_in_path=False))
    caller.ring()
    caller.start()
    caller.tool("find_bookings")

    path, body, _ = web.requests[-1]
    assert path == "/api/mcp/retell/functions"
    assert body["name"] == "find_bookings"


def test_the_rings_answer_is_carried_by_every_later_call_object(web):
    caller = play(make_caller(web))

    given = RING_ANSWER["call_inbound"]
    for _, body, _ in web.requests[1:]:
        assert body["call"]["metadata"] == given["metadata"]
        variables = body["call"]["retell_llm_dynamic_variables"]
        assert variables == given["dynamic_variables"]
    assert caller.correlation_id == "inb_17"


def test_without_metadata_the_fields_are_absent_and_the_call_names_itself(web):
    web.answers["call_inbound"] = [(200, {"call_inbound": {}})]
    caller = play(make_caller(web))

    assert "metadata" not in web.body("call_ended")["call"]
    assert "retell_llm_dynamic_variables" not in web.body("call_ended")["call"]
    assert caller.correlation_id == caller.call_id


def test_another_agent_takes_the_call_where_the_answer_says_so(web):
    answer = {"call_inbound": {"override_agent_id": "agent_2"}}
    web.answers["call_inbound"] = [(200, answer)]

    play(make_caller(web))

    assert web.body("call_started")["call"]["agent_id"] == "agent_2"


def test_a_rejected_caller_has_no_call(web):
    web.answers["call_inbound"] = [(200, example("call_inbound_response_reject"))]
    caller = make_caller(web)

    assert caller.ring() == {"reject": True}
    with pytest.raises(CallRejected):
        caller.start()
    with pytest.raises(CallRejected):
        caller.tool("find_bookings")
    with pytest.raises(CallRejected):
        caller.hang_up()
    assert web.events() == ["call_inbound"]


@pytest.mark.parametrize(
    "answer",
    [
        (500, {}),
        (200, None),
        (200, []),
        (200, {"call_inbound": {"dynamic_variables": {"offen": 0}}}),
        (200, {"call_inbound": {"metadata": "text"}}),
    ],
)
def test_an_unusable_answer_to_the_ring_is_asked_for_three_more_times(web, answer):
    web.answers["call_inbound"] = [answer]
    caller = make_caller(web, habits=Habits(repeat_after_s=0))

    assert caller.ring() == {}
    assert web.events() == ["call_inbound"] * 4


def test_an_event_is_repeated_until_it_is_accepted(web):
    web.answers["call_started"] = [(503, {}), (204, None)]
    caller = make_caller(web, habits=Habits(repeat_after_s=0))
    caller.ring()
    caller.start()

    assert web.events() == ["call_inbound", "call_started", "call_started"]
    assert [step.outcome for step in caller.steps[1:]] == ["HTTP 503", "accepted"]


def test_events_arrive_twice_and_last_one_first(web):
    play(make_caller(web, habits=Habits(is_doubled=True, is_reordered=True)))

    assert web.events() == [
        "call_inbound", "call_inbound",
        "call_analyzed", "call_analyzed",
        "call_ended", "call_ended",
        "call_started", "call_started",
    ]  # fmt: skip
    paths = [path for path, body, _ in web.requests if "event" not in body]
    assert paths == ["/api/mcp/retell/functions/check_availability"] * 2


def test_a_dropped_event_never_arrives(web):
    caller = play(make_caller(web, habits=Habits(dropped=frozenset({"call_ended"}))))

    assert web.events() == ["call_inbound", "call_started", "call_analyzed"]
    assert [step.name for step in caller.steps if step.outcome == "dropped"] == [
        "call_ended"
    ]


@pytest.mark.parametrize(
    "habits",
    [
        Habits(spoils_signature=True, repeat_after_s=0),
        Habits(signed_ms_ago=301_000, repeat_after_s=0),
    ],
)
def test_a_signature_can_be_bad_or_too_old(web, habits):
    make_caller(web, habits=habits).ring()

    assert [is_genuine for _, _, is_genuine in web.requests] == [False]


def test_fields_of_a_newer_release_can_be_sent(web):
    play(make_caller(web, habits=Habits(has_unknown_fields=True)))

    call = web.body("call_ended")["call"]
    assert call["disconnection_reason"] == "reason_of_a_newer_release"
    assert call["carrier_hint"] == {"network": "example"}


def test_the_transcript_grows_by_what_is_said_asked_and_answered(web):
    play(make_caller(web))

    entries = web.body("call_ended")["call"]["transcript_with_tool_calls"]
    assert [entry["role"] for entry in entries] == [
        "user", "tool_call_invocation", "tool_call_result", "agent", "user"
    ]  # fmt: skip
    assert json.loads(entries[2]["content"]) == TOOL_ANSWER
    assert web.body("call_ended")["call"]["transcript"] == (
        "User: Ist Montag um 14 Uhr frei? Grüße aus Köln.\n"
        "Agent: Frei ist zehn Uhr.\n"
        "User: Danke, tschüss.\n"
    )


@pytest.mark.parametrize(
    ("answer", "code", "outcome"),
    [
        ((500, {"detail": "boom"}), "no_answer", "HTTP 500"),
        ((200, ["no object"]), "unreadable", "unreadable"),
    ],
)
def test_an_answer_that_no_agent_can_use_is_told_apart(web, answer, code, outcome):
    web.tool_answers["find_bookings"] = [answer]
    caller = make_caller(web)
    caller.ring()
    caller.start()

    assert caller.tool("find_bookings")["code"] == code
    assert caller.steps[-1].outcome == outcome


def test_steps_tell_when_what_and_how_long(web):
    caller = play(make_caller(web))

    steps = caller.steps_as_json()
    assert [(step["kind"], step["name"], step["outcome"]) for step in steps] == [
        ("ring", "call_inbound", "accepted"),
        ("event", "call_started", "accepted"),
        ("tool", "check_availability", "ok"),
        ("event", "call_ended", "accepted"),
        ("event", "call_analyzed", "accepted"),
    ]
    assert steps[0]["at_ms"] == 0
    assert all(0 <= step["duration_ms"] < 2_000 for step in steps)
    assert steps[2]["heard"] == "Frei ist zehn Uhr."
    assert steps[2]["said"] == "Ist Montag um 14 Uhr frei? Grüße aus Köln."


def test_a_server_that_is_away_is_a_step_and_no_exception():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    caller = Caller(
        f"http://127.0.0.1:{port}",
        webhook_key=KEY,
        from_number=ANONYMOUS,
        to_number="+493083793369",
        habits=Habits(repeat_after_s=0),
    )

    assert caller.ring() == {}
    assert caller.steps[-1].status == 0
    assert caller.steps[-1].outcome.startswith("no answer (ConnectionRefusedError")


def test_the_sandbox_is_told_of_the_call_as_it_changes(web):
    told = []
    play(make_caller(web, report=told.append))

    assert [call["call_status"] for call in told] == ["ongoing", "ended"]
    assert "call_analysis" in told[-1]
