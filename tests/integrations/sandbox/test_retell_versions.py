"""Drafts, publishing and what it may lose, at the sandbox's Retell."""

from __future__ import annotations

import pytest

from integrations.sandbox.retell_state import AGENT_ID, LLM_ID, NUMBER
from tests.integrations.sandbox.test_retell import ask

pytestmark = pytest.mark.django_db

AGENT, LLM = f"/get-agent/{AGENT_ID}", f"/get-retell-llm/{LLM_ID}"


@pytest.fixture(autouse=True)
def as_new():
    from integrations.sandbox import installation

    installation.reset()
    yield
    installation.reset()


def draft(base=1):
    return ask("POST", f"/create-agent-version/{AGENT_ID}", body={"base_version": base})


def publish(version):
    path = f"/publish-agent-version/{AGENT_ID}"
    return ask("POST", path, body={"version": version, "version_title": "Neu"})


def lose(*what, times=1):
    body = {"drops": list(what), "times": times}
    assert ask("PUT", "/_sandbox/publishing", body=body, key="").status == 204


def test_a_draft_has_an_llm_of_its_own_and_leaves_the_published_one_alone():
    made = draft()
    engine = made.body["response_engine"]
    ask(
        "PATCH",
        f"/update-retell-llm/{LLM_ID}",
        body={"general_prompt": "Anders"},
        query={"version": str(engine["version"])},
    )

    assert (made.status, made.body["version"], made.body["base_version"]) == (201, 2, 1)
    assert (engine["version"], made.body["is_published"]) == (2, False)
    assert ask("GET", LLM).body["general_prompt"] == "Anders"
    old = ask("GET", LLM, query={"version": "1"}).body
    assert old["general_prompt"].startswith("Du bist")
    assert ask("GET", AGENT, query={"version": "1"}).body["is_published"] is True


def test_a_published_version_is_frozen_and_an_unnamed_one_becomes_a_draft():
    frozen = ask("PATCH", f"/update-agent/{AGENT_ID}", body={}, query={"version": "1"})
    made = ask("PATCH", f"/update-agent/{AGENT_ID}", body={"agent_name": "Neu"})

    assert frozen.status == 400
    assert (made.body["version"], made.body["agent_name"]) == (2, "Neu")
    assert ask("GET", AGENT, query={"version": "1"}).body["agent_name"] != "Neu"


def test_publishing_publishes_the_llm_and_keeps_every_version():
    draft()
    assert publish(2).status == 200
    draft(base=1)

    listed = ask("GET", f"/list-agent-versions/{AGENT_ID}").body["items"]
    assert [(one["version"], one["is_published"]) for one in listed] == [
        (3, False), (2, True), (1, True)
    ]  # fmt: skip
    assert ask("GET", LLM, query={"version": "2"}).body["is_published"] is True
    assert listed[1]["version_title"] == "Neu"


@pytest.mark.parametrize("body", [{}, {"base_version": "1"}])
def test_a_draft_names_its_base(body):
    path = f"/create-agent-version/{AGENT_ID}"

    assert ask("POST", path, body=body).status == 400
    assert draft(base=9).status == 422


def test_publishing_loses_what_the_lever_says_once():
    url = "https://x.example/mcp"
    lose("tools", "mcps", "webhook_url", "number")
    ask(
        "PATCH", f"/update-retell-llm/{LLM_ID}",
        body={"mcps": [{"name": "a", "url": url}]},
    )  # fmt: skip

    draft()
    publish(2)
    agent, llm = ask("GET", AGENT).body, ask("GET", LLM).body
    number = ask("GET", f"/get-phone-number/{NUMBER}").body
    assert "webhook_url" not in agent
    llm = ask("GET", LLM, query={"version": str(agent["response_engine"]["version"])})
    assert [tool["type"] for tool in llm.body["general_tools"]] == ["end_call"]
    assert "mcps" not in llm.body
    assert number["inbound_agents"] == []

    draft(base=1)
    publish(3)
    assert ask("GET", AGENT).body["webhook_url"]


def test_an_mcp_entry_is_given_an_id_that_tools_name():
    path = f"/update-retell-llm/{LLM_ID}"
    entry = {"name": "askpro", "url": "https://x.example/mcp"}
    tool = {"type": "mcp", "name": "t", "description": "d", "mcp_id": "mcp-server-1"}

    early = ask("PATCH", path, body={"general_tools": [tool]})
    told = ask("PATCH", path, body={"mcps": [entry]})
    late = ask("PATCH", path, body={"general_tools": [tool]})

    assert early.status == 400
    assert told.body["mcps"] == [{"id": "mcp-server-1"} | entry]
    assert late.body["general_tools"] == [tool]


CUSTOM = {"type": "custom", "name": "t", "url": "https://x.example", "description": ""}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/update-agent/{AGENT_ID}", {"language": "multi"}),
        (f"/update-agent/{AGENT_ID}", {"webhook_events": ["function_call"]}),
        (f"/update-agent/{AGENT_ID}", {"data_storage_setting": "some"}),
        (f"/update-agent/{AGENT_ID}", {"max_call_duration_ms": 1_000}),
        (f"/update-agent/{AGENT_ID}", {"response_engine": {"type": "retell-llm"}}),
        (f"/update-retell-llm/{LLM_ID}", {"default_dynamic_variables": {"a": 1}}),
        (f"/update-retell-llm/{LLM_ID}", {"mcps": [{"name": "a"}]}),
        (f"/update-retell-llm/{LLM_ID}", {"general_tools": [CUSTOM, CUSTOM]}),
        (
            f"/update-retell-llm/{LLM_ID}",
            {"general_tools": [CUSTOM | {"type": "book_appointment_cal"}]},
        ),
        (
            f"/update-retell-llm/{LLM_ID}",
            {"general_tools": [CUSTOM | {"parameters": {"date": "string"}}]},
        ),
        (
            f"/update-phone-number/{NUMBER}",
            {"inbound_agents": [{"agent_id": AGENT_ID, "weight": 0.5}]},
        ),
    ],
)
def test_what_the_documentation_refuses_is_refused(path, body):
    told = ask("PATCH", path, body=body)

    assert (told.status, told.body["status"]) == (400, "error")


def test_an_agent_and_an_llm_are_made():
    llm = ask("POST", "/create-retell-llm", body={"general_prompt": "x"})
    engine = {"type": "retell-llm", "llm_id": llm.body["llm_id"]}
    agent = ask(
        "POST", "/create-agent", body={"response_engine": engine, "voice_id": "v"}
    )

    assert (llm.status, agent.status) == (201, 201)
    assert ask("GET", f"/get-agent/{agent.body['agent_id']}").body == agent.body
    assert ask("POST", "/create-agent", body={"voice_id": "v"}).status == 400


def test_the_tools_of_a_dead_mcp_server_are_a_refusal():
    entry = {"name": "askpro", "url": "http://127.0.0.1:9/api/mcp/booking"}
    path = f"/get-mcp-tools/{AGENT_ID}"
    none = ask("GET", path)
    ask("PATCH", f"/update-retell-llm/{LLM_ID}", body={"mcps": [entry]})

    told = ask("GET", path, query={"mcp_id": "mcp-server-1"})

    assert none.status == 422
    assert told.status == 400
    assert "failed" in told.body["message"]
