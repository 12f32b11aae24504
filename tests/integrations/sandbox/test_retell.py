import re

import pytest

from integrations.sandbox import retell, retell_state
from integrations.sandbox.retell_exchange import Asked, Told
from integrations.sandbox.retell_filters import BadCriteria, chosen_calls, page
from integrations.sandbox.retell_state import Kind
from tests.integrations.sandbox.retell_shapes import example, shape


def route(method, path):
    for verb, pattern, handler in retell.ROUTES:
        match = re.fullmatch(pattern, path)
        if match and verb == method:
            return handler, match.groups()
    raise LookupError(path)


def ask(method, path, *, body=None, query=None, key=None):
    """Ask as a client does: route, key check, handler."""
    if key is None:
        key = f"Bearer {retell_state.workspace()['api_key']}"
    handler, ids = route(method, f"/retell{path}")
    return handler(Asked(body=body, query=query or {}, ids=ids, authorization=key))


@pytest.fixture
def played():
    """Return the example's call, as one that the sandbox has played."""
    call = example("call_analyzed")["call"]
    told = ask("PUT", f"/_sandbox/calls/{call['call_id']}", body=call, key="")
    assert told.status == 204
    return call


@pytest.mark.django_db
class TestRest:
    @pytest.mark.parametrize("key", ["", "Bearer wrong", "Bearer ", "Basic x"])
    def test_a_wrong_key_is_refused_in_retells_shape(self, key):
        told = ask("GET", "/get-api-key-info", key=key)

        assert told.status == 401
        assert shape(told.body) == shape(example("error_422_body"))

    def test_the_key_tells_its_organisation(self):
        told = ask("GET", "/get-api-key-info")

        assert told.status == 200
        assert shape(told.body) == shape(example("api_key_info_response"))

    def test_agents_are_listed_with_little_and_got_with_everything(self):
        listed = ask("POST", "/v2/list-agents", body={})
        (agent,) = listed.body["items"]
        got = ask("GET", f"/get-agent/{agent['agent_id']}")

        expected = example("list_agents_response")["items"][0]
        assert agent.keys() == expected.keys()
        assert listed.body["has_more"] is False
        ours, theirs = got.body, example("get_agent_response")
        assert shape(ours) | {"post_call_analysis_data": 0} == (
            shape(theirs) | {"post_call_analysis_data": 0}
        )

    def test_an_llm_has_the_fields_of_the_example_and_our_tools(self):
        (llm,) = ask("GET", "/v2/list-retell-llms").body["items"]

        theirs = example("get_llm_response_custom_functions")
        assert llm.keys() == theirs.keys()
        of_type = {tool["type"]: tool for tool in theirs["general_tools"]}
        tools = [tool for tool in llm["general_tools"] if tool["type"] == "custom"]
        optional = {"response_variables"}
        for tool in tools:
            assert tool.keys() == of_type["custom"].keys() - optional
        assert {tool["name"] for tool in tools} == set(retell_state.TOOLS)

    def test_a_number_is_listed_with_the_fields_of_the_example(self):
        listed = ask("GET", "/v2/list-phone-numbers")

        assert shape(listed.body) == shape(example("list_phone_numbers_response"))
        assert listed.body["items"][0]["phone_number"] == "+493083793369"

    def test_a_number_is_got_with_its_plus_sign_encoded(self):
        told = ask("GET", "/get-phone-number/%2B493083793369")

        assert told.body["nickname"] == "AskProAI Berlin"

    def test_a_number_is_changed_and_stays_so(self):
        path = "%2B493083793369"
        url = "https://askpro.example.com/api/webhooks/retell"
        ask("PATCH", f"/update-phone-number/{path}", body={"inbound_webhook_url": url})

        told = ask("GET", f"/get-phone-number/{path}")
        assert told.body["inbound_webhook_url"] == url

    def test_single_agent_fields_are_refused(self):
        told = ask(
            "PATCH",
            "/update-phone-number/%2B493083793369",
            body={"inbound_agent_id": retell_state.AGENT_ID},
        )

        assert told.status == 400
        assert told.body["status"] == "error"

    @pytest.mark.parametrize(
        "path",
        [
            "/get-agent/agent_0",
            "/get-retell-llm/llm_0",
            "/get-phone-number/%2B491",
            "/v2/get-call/call_0",
        ],
    )
    def test_what_the_key_does_not_know_is_422(self, path):
        told = ask("GET", path)

        assert told == Told(422, example("error_422_body"))

    def test_a_change_replaces_lists_as_wholes_and_keeps_the_identifier(self):
        told = ask(
            "PATCH",
            f"/update-retell-llm/{retell_state.LLM_ID}",
            body={"general_tools": [], "llm_id": "other"},
        )

        assert told.body["general_tools"] == []
        assert told.body["llm_id"] == retell_state.LLM_ID

    @pytest.mark.parametrize(("version", "status"), [(1, 200), (2, 422), (None, 400)])
    def test_publishing_names_the_version(self, version, status):
        told = ask(
            "POST",
            f"/publish-agent-version/{retell_state.AGENT_ID}",
            body={"version": version},
        )

        assert told.status == status
        assert (told.body is None) is (status == 200)

    def test_a_played_call_is_got_whole(self, played):
        told = ask("GET", f"/v2/get-call/{played['call_id']}")

        assert told.body == played

    def test_played_calls_are_listed_without_what_was_said(self, played):
        listed = ask("POST", "/v3/list-calls", body={"limit": 10})

        expected = example("list_calls_response")["items"][0]
        assert listed.body == {"items": [expected], "has_more": False}

    def test_the_example_request_finds_the_example_call(self, played):
        asked = example("list_calls_request")
        asked["filter_criteria"]["agent"] = [{"agent_id": played["agent_id"]}]

        listed = ask("POST", "/v3/list-calls", body=asked)

        assert [call["call_id"] for call in listed.body["items"]] == [played["call_id"]]

    def test_an_unknown_criterion_is_refused(self, played):
        told = ask("POST", "/v3/list-calls", body={"filter_criteria": {"mood": {}}})

        assert told.status == 400

    def test_a_call_is_changed_only_after_its_end(self, played):
        path = f"/v2/update-call/{played['call_id']}"
        changed = ask("PATCH", path, body={"metadata": {"x": 1}, "call_status": "z"})
        running = played | {"call_status": "ongoing"}
        ask("PUT", f"/_sandbox/calls/{played['call_id']}", body=running)
        refused = ask("PATCH", path, body={"metadata": {"x": 2}})

        assert changed.body["metadata"] == {"x": 1}
        assert changed.body["call_status"] == "ended"
        assert refused.status == 400

    def test_a_deleted_call_is_gone(self, played):
        path = f"/v2/delete-call/{played['call_id']}"

        assert ask("DELETE", path).status == 204
        assert ask("DELETE", path).status == 422

    def test_a_web_call_is_opened_for_a_known_agent(self):
        body = {"agent_id": retell_state.AGENT_ID}
        told = ask("POST", "/v3/create-web-call", body=body)

        assert told.status == 201
        assert shape(told.body) == shape(example("create_web_call_response"))
        assert ask("POST", "/v3/create-web-call", body={}).status == 422

    def test_running_calls_count_as_concurrent(self, played):
        running = played | {"call_status": "ongoing"}
        ask("PUT", f"/_sandbox/calls/{played['call_id']}", body=running)

        told = ask("GET", "/get-concurrency")
        assert told.body["current_concurrency"] == 1

    def test_a_body_that_is_no_object_is_refused(self):
        assert ask("POST", "/v3/list-calls", body=[1]).status == 400

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/list-agents"),
            ("POST", "/v2/list-calls"),
            ("POST", "/publish-agent/agent_1"),
        ],
    )
    def test_retired_paths_are_gone(self, method, path):
        with pytest.raises(LookupError):
            route(method, f"/retell{path}")

    def test_keys_are_made_once(self):
        first = retell.connection("http://127.0.0.1:8090")

        assert retell.connection("http://127.0.0.1:8090/") == first
        assert first["base_url"] == "http://127.0.0.1:8090/retell"
        assert first["api_key"] != first["webhook_key"]
        assert (
            ask("GET", "/_sandbox/state", key="").body["webhook_key"]
            == (first["webhook_key"])
        )

    def test_a_call_is_kept_under_its_own_name_only(self, played):
        told = ask("PUT", "/_sandbox/calls/call_0", body=played)

        assert told.status == 400
        assert retell_state.find(Kind.CALL, "call_0") is None


CALLS = [
    {"call_id": f"call_{n}", "duration_ms": n, "to_number": "+49"} for n in (1, 2, 3)
]


def test_pages_follow_one_another():
    first = page(CALLS, "call_id", {"limit": 2})
    second = page(
        CALLS, "call_id", {"limit": 2, "pagination_key": first["pagination_key"]}
    )

    assert [call["call_id"] for call in first["items"]] == ["call_3", "call_2"]
    assert first["has_more"] is True
    assert first["pagination_key"] == "call_2"
    assert second == {"items": [CALLS[0]], "has_more": False}


def test_a_page_skips_counts_and_turns_around():
    asked = {"sort_order": "ascending", "skip": 1, "include_total": True}

    assert page(CALLS, "call_id", asked) == {
        "items": CALLS[1:], "has_more": False, "total": 3
    }  # fmt: skip


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
        {"skip": -1},
        {"sort_order": "up"},
        {"pagination_key": "call_9"},
    ],
)
def test_a_page_that_cannot_be_is_refused(asked):
    with pytest.raises(BadCriteria):
        page(CALLS, "call_id", asked)


@pytest.mark.parametrize(
    ("name", "criterion", "found"),
    [
        ("call_id", {"type": "string", "op": "eq", "value": "call_2"}, [2]),
        ("call_id", {"type": "string", "op": "ne", "value": "call_2"}, [1, 3]),
        ("call_id", {"type": "string", "op": "sw", "value": "call"}, [1, 2, 3]),
        ("call_id", {"type": "string", "op": "ew", "value": "3"}, [3]),
        ("call_id", {"type": "string", "op": "co", "value": "_1"}, [1]),
        ("call_id", {"type": "enum", "op": "in", "value": ["call_1"]}, [1]),
        ("duration_ms", {"type": "number", "op": "gt", "value": 2}, [3]),
        ("duration_ms", {"type": "number", "op": "ge", "value": 2}, [2, 3]),
        ("duration_ms", {"type": "number", "op": "lt", "value": 2}, [1]),
        ("duration_ms", {"type": "number", "op": "le", "value": 2}, [1, 2]),
        ("duration_ms", {"type": "number", "op": "ne", "value": 2}, [1, 3]),
        ("duration_ms", {"type": "range", "op": "bt", "value": [2, 3]}, [2, 3]),
        ("end_timestamp", {"type": "number", "op": "gt", "value": 0}, []),
        ("call_successful", {"type": "boolean", "op": "eq", "value": True}, []),
    ],
)
def test_operators_choose(name, criterion, found):
    chosen = chosen_calls(CALLS, {name: criterion})

    assert [call["duration_ms"] for call in chosen] == found


@pytest.mark.parametrize(
    "criterion", ["text", {}, {"type": "string", "op": "gt", "value": 1}]
)
def test_an_odd_criterion_is_refused(criterion):
    with pytest.raises(BadCriteria):
        chosen_calls(CALLS, {"call_id": criterion})
