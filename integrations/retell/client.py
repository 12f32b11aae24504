"""Retell's REST API as far as we read it: set-up checks, and calls that we missed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote

from integrations.breaker import Breaker
from integrations.errors import ProviderError
from integrations.http import Exchange, ProviderClient

PAGE = 100

Read = TypeVar("Read")


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
    data_storage: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Agent:
        """Read Retell's object."""
        engine = data.get("response_engine")
        engine = engine if isinstance(engine, Mapping) else {}
        version = data.get("version")
        return cls(
            id=str(data["agent_id"]),
            name=_text(data, "agent_name"),
            channel=_text(data, "channel"),
            version=version if isinstance(version, int) else None,
            is_published=data.get("is_published") is True,
            language=_text(data, "language"),
            time_zone=_text(data, "timezone"),
            webhook_url=_text(data, "webhook_url"),
            webhook_events=_texts(data.get("webhook_events")),
            llm_id=_text(engine, "llm_id"),
            data_storage=_text(data, "data_storage_setting"),
        )


@dataclass(frozen=True)
class Number:
    """A telephone number at Retell, and who answers it."""

    number: str
    nickname: str
    inbound_agent_ids: tuple[str, ...]
    inbound_webhook_url: str

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


class RetellClient(ProviderClient):
    """One Retell workspace, by its API key."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        account_key: str,
        record: Callable[[Exchange], None],
        breaker: Breaker,
    ) -> None:
        super().__init__(
            base_url,
            headers={"Authorization": f"Bearer {api_key.strip()}"},
            account_key=account_key,
            provider="retell",
            record=record,
            breaker=breaker,
        )

    def get_api_key_info(self, *, timeout_s: float) -> ApiKeyInfo:
        """Tell whose key it is.

        Source: https://docs.retellai.com/api-references/get-api-key-info
        """
        body = self.call("GET", "/get-api-key-info", timeout_s=timeout_s)
        return self._read(body, ApiKeyInfo.from_json)

    def get_agent(self, agent_id: str, *, timeout_s: float) -> Agent:
        """Return an agent's latest version.

        :raises ProviderRejected: 404 or 422 where the key sees no such agent.
        Source: https://docs.retellai.com/api-references/get-agent
        """
        path = f"/get-agent/{quote(agent_id, safe='')}"
        return self._read(self.call("GET", path, timeout_s=timeout_s), Agent.from_json)

    def list_agents(self, *, timeout_s: float, after: str = "") -> Page:
        """Return one page of the agents, each with id, name and channel only.

        Source: https://docs.retellai.com/api-references/list-agents
        """
        params: dict[str, str | int] = {"limit": PAGE}
        if after:
            params["pagination_key"] = after
        body = self.call(
            "POST", "/v2/list-agents", timeout_s=timeout_s, params=params, json={}
        )
        return self._read(body, lambda data: _page(data, Agent.from_json))

    def get_phone_number(self, number: str, *, timeout_s: float) -> Number:
        """Return a telephone number's set-up.

        :param number: E.164.
        Source: https://docs.retellai.com/api-references/get-phone-number
        """
        path = f"/get-phone-number/{quote(number, safe='')}"
        return self._read(self.call("GET", path, timeout_s=timeout_s), Number.from_json)

    def get_call(self, call_id: str, *, timeout_s: float) -> CallRecord:
        """Return a call with its transcript.

        Source: https://docs.retellai.com/api-references/get-call
        """
        path = f"/v2/get-call/{quote(call_id, safe='')}"
        body = self.call("GET", path, timeout_s=timeout_s)
        return self._read(body, CallRecord.from_json)

    def list_calls(
        self, filters: Mapping[str, Any], *, timeout_s: float, after: str = ""
    ) -> Page:
        """Return one page of the calls, newest first, without transcripts.

        :param filters: Retell's ``filter_criteria``.
        Source: https://docs.retellai.com/api-references/list-calls
        """
        wish: dict[str, Any] = {
            "filter_criteria": dict(filters),
            "limit": PAGE,
            "sort_order": "descending",
        }
        if after:
            wish["pagination_key"] = after
        body = self.call("POST", "/v3/list-calls", timeout_s=timeout_s, json=wish)
        return self._read(body, lambda data: _page(data, CallRecord.from_json))

    def _read(self, body: Any, read: Callable[[Any], Read]) -> Read:
        """Read the body.

        :raises ProviderError: its shape is another one.
        """
        try:
            return read(body)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise ProviderError(
                self.provider, text="the answer's shape is unknown"
            ) from None


def _page(data: Any, read: Callable[[Mapping[str, Any]], Any]) -> Page:
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
