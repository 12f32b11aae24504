import json
from pathlib import Path

import pytest
import responses
import time_machine
from responses import matchers

from integrations.breaker import Breaker
from integrations.errors import ProviderError, ProviderRejected, ProviderUnavailable
from integrations.http import reading_only
from integrations.retell.client import PAGE, RetellClient
from integrations.retell.pace import LIST_LIMIT
from tenants import redis

BASE = "https://api.retell.example"
AGENT = "agent_5d1e07ab42c94f6e8b3309cafe"
CALL = "call_3b9e6f1c2d7a4850b1e6c09d4fa"
FOLDER = Path(__file__).parents[2] / "payloads" / "retell"


def example(name):
    return json.loads((FOLDER / f"{name}.json").read_text())


@pytest.fixture
def retell():
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def exchanges():
    return []


@pytest.fixture
def client(exchanges):
    return RetellClient(
        BASE,
        api_key="key_0000example",
        account_key="retell-client-test",
        record=exchanges.append,
        breaker=Breaker("retell-client-test", provider="retell"),
    )


def test_the_key_tells_its_organisation(client, retell):
    retell.get(
        f"{BASE}/get-api-key-info",
        json=example("api_key_info_response"),
        match=[matchers.header_matcher({"Authorization": "Bearer key_0000example"})],
    )

    info = client.get_api_key_info(timeout_s=1)

    assert (info.org_id, info.org_name) == ("org_example0001", "Salon Morgenrot")
    assert info.name == "askpro"


def test_an_agent_is_read(client, retell, exchanges):
    retell.get(f"{BASE}/get-agent/{AGENT}", json=example("get_agent_response"))

    agent = client.get_agent(AGENT, timeout_s=1)

    assert (agent.id, agent.version, agent.is_published) == (AGENT, 7, True)
    assert (agent.language, agent.time_zone) == ("de-DE", "Europe/Berlin")
    assert agent.webhook_events == ("call_started", "call_ended", "call_analyzed")
    assert agent.llm_id == "llm_8a61c3f0d2b74e5c9f17a2decade"
    assert exchanges[0].path == "/get-agent/agent_…"


def test_an_agent_of_another_workspace_is_a_refusal(client, retell):
    retell.get(f"{BASE}/get-agent/x", status=422, json=example("error_422_body"))

    with pytest.raises(ProviderRejected) as caught:
        client.get_agent("x", timeout_s=1)

    assert caught.value.status == 422
    assert caught.value.text.startswith("Cannot find requested asset")


def test_too_many_requests_are_a_later(client, retell):
    retell.get(f"{BASE}/get-agent/x", status=429, json=example("error_429_body"))

    with pytest.raises(ProviderUnavailable) as caught:
        client.get_agent("x", timeout_s=1)

    assert caught.value.text == "Rate limit exceeded"


@pytest.mark.parametrize(
    "agent",
    [
        {"agent_id": AGENT},
        {"agent_id": AGENT, "response_engine": None, "webhook_events": None},
        {"agent_id": AGENT, "version": "7", "response_engine": "custom-llm"},
    ],
)
def test_what_an_agent_lacks_is_empty(client, retell, agent):
    retell.get(f"{BASE}/get-agent/{AGENT}", json=agent)

    found = client.get_agent(AGENT, timeout_s=1)

    assert (found.id, found.llm_id, found.webhook_events) == (AGENT, "", ())
    assert found.version is None


@pytest.mark.parametrize("body", [[], {}, "x", {"agent": {}}])
def test_a_changed_shape_is_an_error_of_its_own(client, retell, body):
    retell.get(f"{BASE}/get-agent/{AGENT}", json=body)

    with pytest.raises(ProviderError, match="shape"):
        client.get_agent(AGENT, timeout_s=1)


class TestLists:
    def test_agents_come_in_pages(self, client, retell):
        page = example("list_agents_response") | {
            "has_more": True,
            "pagination_key": "next",
        }
        retell.post(f"{BASE}/v2/list-agents", json=page)
        retell.post(
            f"{BASE}/v2/list-agents",
            json={"items": [], "has_more": False},
            match=[
                matchers.query_param_matcher(
                    {"limit": str(PAGE), "pagination_key": "next"}
                )
            ],
        )

        first = client.list_agents(timeout_s=1)
        last = client.list_agents(timeout_s=1, after=first.next_key)

        assert [agent.id for agent in first.items] == [
            AGENT,
            "agent_77c2f4e1900d4b1db5a86ebeef",
        ]
        assert first.items[0].name == "Salon Morgenrot – Empfang"
        assert (last.items, last.next_key) == ((), "")

    def test_a_list_without_an_envelope_is_read_too(self, client, retell):
        items = example("list_agents_response")["items"]
        retell.post(f"{BASE}/v2/list-agents", json=items)

        page = client.list_agents(timeout_s=1)

        assert (len(page.items), page.next_key) == (2, "")

    def test_calls_are_filtered_newest_first(self, client, retell):
        filters = {"to_number": {"type": "string", "op": "eq", "value": "+49301234567"}}
        retell.post(
            f"{BASE}/v3/list-calls",
            json=example("list_calls_response"),
            match=[
                matchers.json_params_matcher(
                    {
                        "filter_criteria": filters,
                        "limit": PAGE,
                        "sort_order": "descending",
                        "pagination_key": "before",
                    }
                )
            ],
        )

        page = client.list_calls(filters, timeout_s=1, after="before")

        assert [call.id for call in page.items] == [CALL]
        assert page.next_key == CALL


def test_a_call_comes_with_its_whole_object(client, retell):
    call = example("call_analyzed")["call"]
    retell.get(f"{BASE}/v2/get-call/{call['call_id']}", json=call)

    found = client.get_call(call["call_id"], timeout_s=1)

    assert (found.id, found.status) == (call["call_id"], call["call_status"])
    assert found.facts == call


@pytest.mark.parametrize(
    ("number", "agents"),
    [
        (example("list_phone_numbers_response")["items"][0], (AGENT,)),
        ({"phone_number": "+49301234567", "inbound_agent_id": "agent_1"}, ("agent_1",)),
        ({"phone_number": "+49301234567", "inbound_agents": None}, ()),
    ],
)
def test_a_number_tells_who_answers_it(client, retell, exchanges, number, agents):
    retell.get(f"{BASE}/get-phone-number/%2B49301234567", json=number)

    found = client.get_phone_number("+49301234567", timeout_s=1)

    assert (found.number, found.inbound_agent_ids) == ("+49301234567", agents)
    assert "301234567" not in exchanges[0].path


class TestWriting:
    def test_a_draft_is_begun_changed_and_published_by_its_number(self, client, retell):
        agent = example("get_agent_response") | {"version": 8, "is_published": False}
        sent = [matchers.json_params_matcher({"base_version": 7})]
        retell.post(f"{BASE}/create-agent-version/{AGENT}", json=agent, match=sent)
        retell.patch(
            f"{BASE}/update-agent/{AGENT}",
            json=agent | {"timezone": "Europe/Vienna"},
            match=[
                matchers.query_param_matcher({"version": "8"}),
                matchers.json_params_matcher({"timezone": "Europe/Vienna"}),
            ],
        )
        retell.post(
            f"{BASE}/publish-agent-version/{AGENT}",
            body=b"",
            match=[
                matchers.json_params_matcher({"version": 8, "version_title": "AskPro"})
            ],
        )

        made = client.create_agent_version(AGENT, base_version=7, timeout_s=1)
        changes = {"timezone": "Europe/Vienna"}
        changed = client.update_agent(AGENT, changes, version=8, timeout_s=1)
        client.publish_agent_version(AGENT, version=8, title="AskPro", timeout_s=1)

        assert (made.version, made.is_published, made.llm_version) == (8, False, 7)
        assert changed.time_zone == "Europe/Vienna"
        assert changed.facts["voice_model"] == "eleven_flash_v2_5"

    @pytest.mark.parametrize(
        ("call", "method", "path"),
        [
            (lambda c: c.get_llm("llm_1", version=3, timeout_s=1), "GET", "get"),
            (
                lambda c: c.update_llm("llm_1", {}, version=3, timeout_s=1),
                "PATCH",
                "update",
            ),
        ],
    )
    def test_an_llm_is_read_whole(self, client, retell, call, method, path):
        llm = example("get_llm_response_custom_functions")
        retell.add(
            method,
            f"{BASE}/{path}-retell-llm/llm_1",
            json=llm,
            match=[matchers.query_param_matcher({"version": "3"})],
        )

        found = call(client)

        assert (found.version, found.is_published) == (llm["version"], True)
        assert found.facts == llm

    def test_a_number_is_changed_by_what_is_named_alone(self, client, retell):
        number = example("list_phone_numbers_response")["items"][0]
        changes = {"inbound_agents": [{"agent_id": AGENT, "weight": 1}]}
        retell.patch(
            f"{BASE}/update-phone-number/%2B49301234567",
            json=number | changes,
            match=[matchers.json_params_matcher(changes)],
        )

        found = client.update_phone_number("+49301234567", changes, timeout_s=1)

        assert found.inbound_agent_ids == (AGENT,)
        assert found.facts["nickname"] == number["nickname"]

    def test_retells_own_look_at_our_server_is_read(self, client, retell):
        retell.get(
            f"{BASE}/get-mcp-tools/{AGENT}",
            json=example("get_mcp_tools_response"),
            match=[matchers.query_param_matcher({"mcp_id": "mcp-server-1"})],
        )

        tools = client.get_mcp_tools(AGENT, mcp_id="mcp-server-1", timeout_s=1)

        assert [one.name for one in tools] == ["check_availability", "book_appointment"]

    def test_nothing_is_written_while_only_reading_is_allowed(self, client, retell):
        with reading_only(), pytest.raises(ProviderRejected):
            client.publish_agent_version(AGENT, version=8, title="x", timeout_s=1)


def test_the_workspaces_calls_are_counted(client, retell):
    told = {"current_concurrency": 3, "concurrency_limit": 20, "burst": True}
    retell.get(f"{BASE}/get-concurrency", json=told)

    found = client.get_concurrency(timeout_s=1)

    assert (found.current, found.limit) == (3, 20)


def test_a_workspace_is_not_asked_faster_than_it_lets_us(client, retell):
    for key in redis.client().scan_iter("*retell-pace:retell-client-test*"):
        redis.client().delete(key)
    retell.post(f"{BASE}/v2/list-agents", json=example("list_agents_response"))
    retell.get(f"{BASE}/get-agent/{AGENT}", json=example("get_agent_response"))

    with time_machine.travel("2026-11-27T09:00:04Z", tick=False) as now:
        for _ in range(LIST_LIMIT):
            client.list_agents(timeout_s=1)
        with pytest.raises(ProviderUnavailable) as caught:
            client.list_agents(timeout_s=1)
        client.get_agent(AGENT, timeout_s=1)  # has a limit of its own
        now.move_to("2026-11-27T09:00:10Z")
        client.list_agents(timeout_s=1)

    assert caught.value.sent is False
    assert len(retell.calls) == LIST_LIMIT + 2
