import json
from pathlib import Path

import pytest
import responses
from responses import matchers

from integrations.breaker import Breaker
from integrations.errors import ProviderError, ProviderRejected, ProviderUnavailable
from integrations.retell.client import PAGE, RetellClient

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
