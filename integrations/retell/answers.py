"""Retell's objects, read as far as we need them and no stricter.

An object that is written again keeps what we do not know of it: ``facts`` is the whole
of it, as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ApiKeyInfo:
    """Whose key it is."""

    org_id: str
    org_name: str
    name: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ApiKeyInfo:
        """Read Retell's object."""
        return cls(
            org_id=str(data["org_id"]),
            org_name=_text(data, "org_name"),
            name=_text(data, "api_key_name"),
        )


@dataclass(frozen=True)
class Agent:
    """An agent's version. A list has no more than id, name and channel of it."""

    id: str
    name: str
    channel: str
    version: int | None
    is_published: bool
    language: str
    time_zone: str
    webhook_url: str
    webhook_events: tuple[str, ...]
    llm_id: str
    llm_version: int | None
    data_storage: str
    facts: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Agent:
        """Read Retell's object."""
        engine = data.get("response_engine")
        engine = engine if isinstance(engine, Mapping) else {}
        return cls(
            id=str(data["agent_id"]),
            name=_text(data, "agent_name"),
            channel=_text(data, "channel"),
            version=_whole(data.get("version")),
            is_published=data.get("is_published") is True,
            language=_text(data, "language"),
            time_zone=_text(data, "timezone"),
            webhook_url=_text(data, "webhook_url"),
            webhook_events=_texts(data.get("webhook_events")),
            llm_id=_text(engine, "llm_id"),
            llm_version=_whole(engine.get("version")),
            data_storage=_text(data, "data_storage_setting"),
            facts=data,
        )


@dataclass(frozen=True)
class Llm:
    """A version of a Retell LLM: prompt, tools and servers. It has no name."""

    id: str
    version: int | None
    is_published: bool
    facts: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Llm:
        """Read Retell's object."""
        return cls(
            id=str(data["llm_id"]),
            version=_whole(data.get("version")),
            is_published=data.get("is_published") is True,
            facts=data,
        )


@dataclass(frozen=True)
class Concurrency:
    """How many calls a workspace has, and may have."""

    current: int
    limit: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Concurrency:
        """Read Retell's object."""
        return cls(
            current=int(data["current_concurrency"]),
            limit=int(data["concurrency_limit"]),
        )


@dataclass(frozen=True)
class McpTool:
    """A tool that an agent's MCP server offered when Retell asked it."""

    name: str
    description: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> McpTool:
        """Read Retell's object."""
        return cls(str(data["name"]), _text(data, "description"))


@dataclass(frozen=True)
class Number:
    """A telephone number at Retell, and who answers it."""

    number: str
    nickname: str
    inbound_agent_ids: tuple[str, ...]
    inbound_webhook_url: str
    facts: Mapping[str, Any] = field(repr=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Number:
        """Read Retell's object; older ones name a single agent."""
        agents = [
            _text(one, "agent_id")
            for one in data.get("inbound_agents") or ()
            if isinstance(one, Mapping)
        ]
        agents = agents or [_text(data, "inbound_agent_id")]
        return cls(
            number=str(data["phone_number"]),
            nickname=_text(data, "nickname"),
            inbound_agent_ids=tuple(one for one in agents if one),
            inbound_webhook_url=_text(data, "inbound_webhook_url"),
            facts=data,
        )


@dataclass(frozen=True)
class CallRecord:
    """A call as Retell has it. ``facts`` is its whole object, for ``retell.calls``."""

    id: str
    status: str
    agent_id: str
    facts: Mapping[str, Any]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CallRecord:
        """Read Retell's object; one from a list has no transcript."""
        return cls(
            id=str(data["call_id"]),
            status=_text(data, "call_status"),
            agent_id=_text(data, "agent_id"),
            facts=data,
        )


@dataclass(frozen=True)
class Page:
    """A part of a list, and the key of what follows it; empty at the end."""

    items: tuple[Any, ...]
    next_key: str


def page(data: Any, read: Callable[[Mapping[str, Any]], Any]) -> Page:
    """Read a list; older paths answer with the bare items."""
    if isinstance(data, list):
        return Page(tuple(map(read, data)), next_key="")
    items = tuple(map(read, data["items"]))
    next_key = _text(data, "pagination_key") if data.get("has_more") is True else ""
    return Page(items, next_key)


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value or () if isinstance(one, str))


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number else None
