"""Versions of agents and their LLMs: published ones are frozen, edits go to a draft.

The latest version of each is its record; what it replaced is kept beside it. An
agent's version and its LLM's are made and published together.
Source: https://docs.retellai.com/agent/version
"""

from __future__ import annotations

import secrets
from typing import Any

from integrations.sandbox import retell_state as state
from integrations.sandbox import retell_validation as validation
from integrations.sandbox.models_retell import RetellRecord
from integrations.sandbox.retell_exchange import (
    NOT_FOUND,
    Asked,
    Handler,
    Json,
    Refusal,
    Told,
    object_of,
    one,
)
from integrations.sandbox.retell_filters import page
from integrations.sandbox.retell_state import Kind

EARLIER = {Kind.AGENT: Kind.AGENT_VERSION, Kind.LLM: Kind.LLM_VERSION}
#: What nobody may set by hand.
FIXED = ("agent_id", "llm_id", "version", "base_version", "is_published")
#: What publishing may lose, where the lever `PUT /_sandbox/publishing` says so.
LOSSES = ("tools", "mcps", "webhook_url", "number")
_LEVER = "publishing"


def read(kind: Kind) -> Handler:
    """Return a handler that answers one version, the latest where none is named."""
    return lambda asked: Told(200, _version(kind, asked, asked.query.get("version")))


def list_versions(asked: Asked) -> Told:
    """Answer every version of an agent, the newest first."""
    latest = one(Kind.AGENT, asked)
    rows = RetellRecord.objects.filter(
        kind=Kind.AGENT_VERSION, identifier__startswith=f"{latest['agent_id']}:"
    )
    found = sorted([latest, *(row.body for row in rows)], key=lambda v: v["version"])
    return Told(200, page(found, "version", asked.query))


def change(kind: Kind) -> Handler:
    """Return a handler that changes a draft, its lists and objects as wholes.

    A version that is named and published is refused; without a name a new draft is
    begun.
    """

    def handler(asked: Asked) -> Told:
        named = asked.query.get("version")
        old, given = _version(kind, asked, named), object_of(asked)
        if old["is_published"]:
            if named is not None:
                raise Refusal(400, "A published version cannot be changed")
            old = _draft(kind, old)
        new = old | {key: told for key, told in given.items() if key not in FIXED}
        validation.check(kind, given, new)
        return Told(200, _keep(kind, new))

    return handler


def create_agent(asked: Asked) -> Told:
    """Make an agent; engine and voice are demanded."""
    given = object_of(asked)
    for name in ("response_engine", "voice_id"):
        if name not in given:
            raise Refusal(400, f"{name} is required")
    agent = {
        "agent_id": f"agent_{secrets.token_hex(14)[:27]}",
        "agent_name": "",
        "language": "en-US",
        "timezone": "America/Los_Angeles",
        "assigned_tags": [],
        **{name: told for name, told in given.items() if name not in FIXED},
    }
    validation.check(Kind.AGENT, given, agent)
    return Told(201, _keep(Kind.AGENT, agent | _first()))


def create_llm(asked: Asked) -> Told:
    """Make an LLM."""
    given = object_of(asked)
    llm = {
        "llm_id": f"llm_{secrets.token_hex(14)[:27]}",
        "general_tools": [],
        **{name: told for name, told in given.items() if name not in FIXED},
    }
    validation.check(Kind.LLM, given, llm)
    return Told(201, _keep(Kind.LLM, llm | _first()))


def create_version(asked: Asked) -> Told:
    """Begin a draft from the version that the body names."""
    base = object_of(asked).get("base_version")
    if not isinstance(base, int):
        raise Refusal(400, "base_version is required")
    return Told(201, _draft(Kind.AGENT, _version(Kind.AGENT, asked, str(base))))


def publish(asked: Asked) -> Told:
    """Publish the version that the body names; the body is empty on success."""
    given = object_of(asked)
    version = given.get("version")
    if not isinstance(version, int):
        raise Refusal(400, "version is required")
    agent = _version(Kind.AGENT, asked, str(version)) | {"is_published": True}
    for name in ("version_title", "version_description"):
        if name in given:
            agent[name] = given[name]
    lost = _losses()
    if "webhook_url" in lost:
        agent.pop("webhook_url", None)
    _keep(Kind.AGENT, agent)
    llm = _llm_of(agent)
    if llm is not None:
        if "tools" in lost:
            llm["general_tools"] = [
                tool for tool in llm["general_tools"] if tool["type"] == "end_call"
            ]
        if "mcps" in lost:
            llm.pop("mcps", None)
        _keep(Kind.LLM, llm | {"is_published": True})
    if "number" in lost:
        _unbind(agent["agent_id"])
    return Told(200)


def set_publishing(asked: Asked) -> Told:
    """Have the next publishings lose something: ``{"drops": [...], "times": 1}``."""
    given = object_of(asked)
    drops = given.get("drops", [])
    if not set(drops) <= set(LOSSES):
        raise Refusal(400, f"drops: {', '.join(LOSSES)}")
    body = {"lever": _LEVER, "drops": drops, "times": int(given.get("times", 1))}
    RetellRecord.objects.update_or_create(
        kind=Kind.LEVER, identifier=_LEVER, defaults={"body": body}
    )
    return Told(204)


def _losses() -> list[str]:
    row = RetellRecord.objects.filter(kind=Kind.LEVER, identifier=_LEVER).first()
    if row is None or row.body["times"] < 1:
        return []
    row.body["times"] -= 1
    row.save()
    drops: list[str] = row.body["drops"]
    return drops


def _unbind(agent_id: str) -> None:
    for number in state.everything(Kind.NUMBER):
        bound = [entry["agent_id"] for entry in number["inbound_agents"]]
        if agent_id in bound:
            state.save(Kind.NUMBER, number | {"inbound_agents": []})


def _version(kind: Kind, asked: Asked, wanted: str | None) -> Json:
    """Return a version; the latest where none is named.

    :raises Refusal: there is none, or the name is no number.
    """
    latest = one(kind, asked)
    if wanted is None:
        return latest
    if not wanted.isdecimal():
        raise Refusal(400, "version must be a number")
    return _of_number(kind, latest, int(wanted))


def _of_number(kind: Kind, latest: Json, number: int) -> Json:
    if latest["version"] == number:
        return latest
    row = RetellRecord.objects.filter(
        kind=EARLIER[kind], identifier=f"{latest[state.IDENTIFIERS[kind]]}:{number}"
    ).first()
    if row is None:
        raise Refusal(422, NOT_FOUND)
    body: Json = row.body
    return body


def _draft(kind: Kind, base: Json) -> Json:
    """Make a draft from a version; an agent's with a draft of its LLM."""
    latest = state.find(kind, base[state.IDENTIFIERS[kind]])
    assert latest is not None
    new = base | {
        "version": latest["version"] + 1,
        "base_version": base["version"],
        "is_published": False,
    }
    if kind == Kind.LLM:
        new.pop("base_version")
    else:
        new |= {"assigned_tags": [], "version_title": ""}
        llm = _llm_of(base)
        if llm is not None:
            made = _draft(Kind.LLM, llm)
            engine = base["response_engine"] | {"version": made["version"]}
            new["response_engine"] = engine
    return _keep(kind, new)


def _llm_of(agent: Json) -> Json | None:
    engine: Any = agent.get("response_engine")
    latest = state.find(Kind.LLM, engine.get("llm_id", ""))
    if latest is None:
        return None
    return _of_number(Kind.LLM, latest, engine.get("version", latest["version"]))


def _keep(kind: Kind, body: Json) -> Json:
    """Keep a version: the newest as the record itself, any other beside it."""
    body = body | {"last_modification_timestamp": state.now_ms()}
    identifier = body[state.IDENTIFIERS[kind]]
    latest = state.find(kind, identifier)
    if latest is not None and latest["version"] > body["version"]:
        _archive(kind, body)
        return body
    if latest is not None and latest["version"] < body["version"]:
        _archive(kind, latest)
    return state.save(kind, body)


def _archive(kind: Kind, body: Json) -> None:
    RetellRecord.objects.update_or_create(
        kind=EARLIER[kind],
        identifier=f"{body[state.IDENTIFIERS[kind]]}:{body['version']}",
        defaults={"body": body},
    )


def _first() -> Json:
    return {"version": 0, "is_published": False}
