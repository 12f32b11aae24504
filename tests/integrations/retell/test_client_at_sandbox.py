"""The client over real HTTP, at a Retell that shares no code with it."""

import pytest

from integrations.breaker import Breaker
from integrations.errors import ProviderRejected
from integrations.retell.client import RetellClient


def client_of(system, **changes):
    retell = system.sandbox["retell"] | changes
    return RetellClient(
        retell["base_url"],
        api_key=retell["api_key"],
        account_key="retell-at-sandbox",
        record=lambda exchange: None,
        breaker=Breaker("retell-at-sandbox", provider="retell"),
    )


def test_what_readiness_asks_is_answered(system):
    client = client_of(system)

    assert client.get_api_key_info(timeout_s=5).org_id
    page = client.list_agents(timeout_s=5)
    agent = client.get_agent(page.items[0].id, timeout_s=5)
    assert (agent.id, agent.name) == (page.items[0].id, page.items[0].name)
    assert client.list_calls({}, timeout_s=5).next_key == ""


def test_a_wrong_key_and_unknown_things_are_refusals(system):
    with pytest.raises(ProviderRejected) as wrong:
        client_of(system, api_key="wrong").get_api_key_info(timeout_s=5)
    with pytest.raises(ProviderRejected) as unknown:
        client_of(system).get_agent("agent_nowhere", timeout_s=5)
    with pytest.raises(ProviderRejected):
        client_of(system).get_phone_number("+4930999999", timeout_s=5)
    with pytest.raises(ProviderRejected):
        client_of(system).get_call("call_nowhere", timeout_s=5)

    assert wrong.value.status == 401
    assert unknown.value.status in (404, 422)
