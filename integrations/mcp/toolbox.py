"""The tools that one key may see and use, as the protocol asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import orjson

from askpro import correlation
from bookings.answers import Answer, Code
from integrations.mcp import definitions, gateway, registry
from integrations.mcp.askers import CallHeaders, KeyAsker
from integrations.mcp.gateway import Asked
from integrations.mcp.protocol import MOST_NAME, Client
from integrations.mcp.schemas import MOST_OCCASION, OCCASION
from tenants.keys import KeyHolder

Json = dict[str, Any]

#: What the model did wrong, or we did; all else is an outcome that helps it on.
ERRORS = frozenset({Code.INVALID_INPUT, Code.NOT_PERMITTED, Code.INTERNAL})


@dataclass(frozen=True)
class KeyTools:
    """What a request's key opens at its address."""

    holder: KeyHolder
    sets: frozenset[str]
    headers: CallHeaders
    #: Above the key's limit: for so many seconds.
    limited_for_s: float = 0.0
    user_agent: str = ""

    def listed(self) -> Sequence[Json]:
        """Return the definitions, sorted by name."""
        return definitions.mcp_tools(self.sets)

    def call(self, name: str, arguments: Json, client: Client) -> Json | None:
        """Return the result's fields; None where the key has no such tool."""
        if registry.find(name, self.sets) is None:
            return None
        if not correlation.current():
            correlation.take(f"mcp_{uuid4().hex}")
        sent = dict(arguments)
        occasion = sent.pop(OCCASION, "")
        asked = Asked(
            KeyAsker(
                self.holder,
                self.headers,
                self.sets,
                # Longer ones are no good names: nothing is cut, so nothing is mixed up.
                occasion=occasion
                if isinstance(occasion, str) and len(occasion) <= MOST_OCCASION
                else "",
            ),
            tool_name=name,
            sent=sent,
            client=replace(client, name=(client.name or self.user_agent)[:MOST_NAME]),
        )
        if self.limited_for_s:
            return result_of(gateway.limited(asked, self.limited_for_s))
        return result_of(gateway.answer(asked))


def result_of(answer: Answer) -> Json:
    """Return an answer as the result of ``tools/call``: text and structure alike."""
    structured = answer.to_json()
    text = orjson.dumps(structured).decode()
    return {
        "content": [{"type": "text", "text": text}],
        "structuredContent": structured,
        "isError": answer.code in ERRORS,
    }
