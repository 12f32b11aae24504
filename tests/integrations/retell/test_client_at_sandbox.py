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


def test_a_draft_is_published_and_the_number_bound_to_it(system):
    client = client_of(system)
    agent_id = client.list_agents(timeout_s=5).items[0].id
    base = client.get_agent(agent_id, timeout_s=5)

    draft = client.create_agent_version(
        agent_id, base_version=base.version, timeout_s=5
    )
    changes = {"general_prompt": "Neu", "start_speaker": "agent"}
    client.update_llm(draft.llm_id, changes, version=draft.llm_version, timeout_s=5)
    client.publish_agent_version(
        agent_id, version=draft.version, title="Neu", timeout_s=5
    )
    number = client.list_phone_numbers(timeout_s=5).items[0]
    bound = [{"agent_id": agent_id, "agent_version": draft.version, "weight": 1}]
    client.update_phone_number(number.number, {"inbound_agents": bound}, timeout_s=5)

    live = client.get_agent(agent_id, version=draft.version, timeout_s=5)
    llm = client.get_llm(live.llm_id, version=live.llm_version, timeout_s=5)
    assert (live.is_published, llm.facts["general_prompt"]) == (True, "Neu")
    versions = client.list_agent_versions(agent_id, timeout_s=5).items
    assert [one.version for one in versions] == [draft.version, base.version]
    again = client.get_phone_number(number.number, timeout_s=5)
    assert again.facts["inbound_agents"] == bound
    assert again.nickname == number.nickname


def test_a_published_version_is_frozen(system):
    client = client_of(system)
    agent = client.get_agent(client.list_agents(timeout_s=5).items[0].id, timeout_s=5)

    with pytest.raises(ProviderRejected) as caught:
        client.update_agent(agent.id, {}, version=agent.version, timeout_s=5)

    assert caught.value.status == 400
