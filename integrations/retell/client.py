"""Retell's REST API as far as we use it: agents, LLMs, numbers, calls, the key.

Lists and objects in a change replace what was there as wholes: read, change, write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from integrations.breaker import Breaker
from integrations.errors import ProviderError
from integrations.http import Exchange, ProviderClient
from integrations.retell.answers import (
    Agent,
    ApiKeyInfo,
    CallRecord,
    Concurrency,
    Llm,
    McpTool,
    Number,
    Page,
    page,
)
from integrations.retell.pace import Pace

PAGE = 100

Read = TypeVar("Read")
Json = dict[str, Any]


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
        self._pace = Pace(account_key)

    def call(self, method: str, path: str, *, timeout_s: float, **more: Any) -> Any:
        """Send one request, no faster than Retell lets a workspace ask.

        :raises ProviderUnavailable: also where waiting would take longer than
            ``timeout_s``; nothing was sent then.
        """
        begun = time.monotonic()
        self._pace.wait(method, path, within_s=timeout_s)
        left_s = timeout_s - (time.monotonic() - begun)
        return super().call(method, path, timeout_s=left_s, **more)

    def get_api_key_info(self, *, timeout_s: float) -> ApiKeyInfo:
        """Tell whose key it is.

        Source: https://docs.retellai.com/api-references/get-api-key-info
        """
        body = self.call("GET", "/get-api-key-info", timeout_s=timeout_s)
        return self._read(body, ApiKeyInfo.from_json)

    def get_concurrency(self, *, timeout_s: float) -> Concurrency:
        """Tell how many calls the workspace has at this moment.

        Source: https://docs.retellai.com/api-references/get-concurrency
        """
        body = self.call("GET", "/get-concurrency", timeout_s=timeout_s)
        return self._read(body, Concurrency.from_json)

    def get_agent(
        self, agent_id: str, *, timeout_s: float, version: int | None = None
    ) -> Agent:
        """Return a version of an agent, the latest where none is named.

        :raises ProviderRejected: 404 or 422 where the key sees no such agent.
        Source: https://docs.retellai.com/api-references/get-agent
        """
        body = self.call(
            "GET", _to("get-agent", agent_id), timeout_s=timeout_s, **_at(version)
        )
        return self._read(body, Agent.from_json)

    def list_agent_versions(
        self, agent_id: str, *, timeout_s: float, after: str = ""
    ) -> Page:
        """Return one page of an agent's versions, the newest first.

        Source: https://docs.retellai.com/api-references/get-agent-versions
        """
        params: Json = {"limit": PAGE} | ({"pagination_key": after} if after else {})
        body = self.call(
            "GET",
            _to("list-agent-versions", agent_id),
            timeout_s=timeout_s,
            params=params,
        )
        return self._read(body, lambda data: page(data, Agent.from_json))

    def create_agent_version(
        self, agent_id: str, *, base_version: int, timeout_s: float
    ) -> Agent:
        """Begin a draft from a version; return it. Published ones are frozen.

        Source: https://docs.retellai.com/api-references/create-agent-version
        """
        body = self.call(
            "POST",
            _to("create-agent-version", agent_id),
            timeout_s=timeout_s,
            json={"base_version": base_version},
        )
        return self._read(body, Agent.from_json)

    def update_agent(
        self, agent_id: str, changes: Json, *, version: int, timeout_s: float
    ) -> Agent:
        """Change a draft; fields that are not named stay.

        Source: https://docs.retellai.com/api-references/update-agent
        """
        body = self.call(
            "PATCH",
            _to("update-agent", agent_id),
            timeout_s=timeout_s,
            json=changes,
            **_at(version),
        )
        return self._read(body, Agent.from_json)

    def publish_agent_version(
        self, agent_id: str, *, version: int, title: str, timeout_s: float
    ) -> None:
        """Publish this version: it is frozen from now on, and takes new calls.

        What came out of it must be read: tools and addresses have been lost here.
        Source: https://docs.retellai.com/api-references/publish-agent-version
        """
        self.call(
            "POST",
            _to("publish-agent-version", agent_id),
            timeout_s=timeout_s,
            json={"version": version, "version_title": title},
        )

    def get_mcp_tools(
        self, agent_id: str, *, mcp_id: str, timeout_s: float
    ) -> tuple[McpTool, ...]:
        """Have Retell ask an agent's MCP server for its tools, and return them.

        :raises ProviderRejected: Retell does not reach it, or knows no such server.
        Source: https://docs.retellai.com/api-references/get-mcp-tools
        """
        body = self.call(
            "GET",
            _to("get-mcp-tools", agent_id),
            timeout_s=timeout_s,
            params={"mcp_id": mcp_id},
        )
        return self._read(body, lambda data: tuple(map(McpTool.from_json, data)))

    def get_llm(
        self, llm_id: str, *, timeout_s: float, version: int | None = None
    ) -> Llm:
        """Return a version of an LLM, the latest where none is named.

        Source: https://docs.retellai.com/api-references/get-retell-llm
        """
        body = self.call(
            "GET", _to("get-retell-llm", llm_id), timeout_s=timeout_s, **_at(version)
        )
        return self._read(body, Llm.from_json)

    def create_llm(self, fields: Json, *, timeout_s: float) -> Llm:
        """Make an LLM.

        Source: https://docs.retellai.com/api-references/create-retell-llm
        """
        body = self.call("POST", "/create-retell-llm", timeout_s=timeout_s, json=fields)
        return self._read(body, Llm.from_json)

    def update_llm(
        self, llm_id: str, changes: Json, *, version: int | None, timeout_s: float
    ) -> Llm:
        """Change a draft; fields that are not named stay.

        Source: https://docs.retellai.com/api-references/update-retell-llm
        """
        body = self.call(
            "PATCH",
            _to("update-retell-llm", llm_id),
            timeout_s=timeout_s,
            json=changes,
            **_at(version),
        )
        return self._read(body, Llm.from_json)

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
        return self._read(body, lambda data: page(data, Agent.from_json))

    def get_phone_number(self, number: str, *, timeout_s: float) -> Number:
        """Return a telephone number's set-up.

        :param number: E.164.
        Source: https://docs.retellai.com/api-references/get-phone-number
        """
        path = _to("get-phone-number", number)
        return self._read(self.call("GET", path, timeout_s=timeout_s), Number.from_json)

    def list_phone_numbers(self, *, timeout_s: float, after: str = "") -> Page:
        """Return one page of the workspace's telephone numbers.

        Source: https://docs.retellai.com/api-references/list-phone-numbers
        """
        params: Json = {"limit": PAGE} | ({"pagination_key": after} if after else {})
        body = self.call(
            "GET", "/v2/list-phone-numbers", timeout_s=timeout_s, params=params
        )
        return self._read(body, lambda data: page(data, Number.from_json))

    def update_phone_number(
        self, number: str, changes: Json, *, timeout_s: float
    ) -> Number:
        """Change a telephone number; fields that are not named stay.

        :param number: E.164.
        Source: https://docs.retellai.com/api-references/update-phone-number
        """
        body = self.call(
            "PATCH",
            _to("update-phone-number", number),
            timeout_s=timeout_s,
            json=changes,
        )
        return self._read(body, Number.from_json)

    def get_call(self, call_id: str, *, timeout_s: float) -> CallRecord:
        """Return a call with its transcript.

        Source: https://docs.retellai.com/api-references/get-call
        """
        body = self.call("GET", _to("v2/get-call", call_id), timeout_s=timeout_s)
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
        return self._read(body, lambda data: page(data, CallRecord.from_json))

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


def _to(what: str, identifier: str) -> str:
    return f"/{what}/{quote(identifier, safe='')}"


def _at(version: int | None) -> Json:
    return {} if version is None else {"params": {"version": version}}
