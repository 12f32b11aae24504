"""Retell's MCP client as it was seen on the wire: a handshake, then one call per tool.

It fills its variables into the headers and hands the text of a result to its model.
Source: the notes on MCP under https://docs.retellai.com/build/mcp
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from integrations.sandbox import wire

Json = dict[str, Any]
PATH = "/api/mcp/booking"
VERSION = "2025-06-18"
ACCEPT = "application/json, text/event-stream"
TIMEOUT_S = 8.0


class McpClient:
    """One agent's connection to our server, for one call."""

    def __init__(
        self,
        web_url: str,
        key: str,
        *,
        call_id: str,
        numbers: dict[str, str],
        variables: dict[str, str],
    ) -> None:
        self._url = f"{web_url}{PATH}"
        # A variable without a value is sent as it stands, with its braces.
        name = "askpro_correlation_id"
        correlation_id = variables.get(name, f"{{{{{name}}}}}")
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Accept": ACCEPT,
            "X-AskPro-Call-Id": call_id,
            "X-AskPro-To": numbers["to_number"],
            "X-AskPro-From": numbers["from_number"],
            "X-Correlation-ID": correlation_id,
        }
        self._is_begun = False
        self._asked = 0

    def use(self, name: str, arguments: Json) -> wire.Reply:
        """Call a tool; return the text of its result as a reply's body.

        A refusal by the protocol is a reply with status 500 and its words.
        """
        if not self._is_begun:
            refused = self._begin()
            if refused is not None:
                return refused
        reply = self._post("tools/call", {"name": name, "arguments": arguments})
        if not reply.is_success:
            return reply
        message = _message(reply)
        result = message.get("result")
        if not isinstance(result, dict):
            words = json.dumps(message.get("error"), ensure_ascii=False)
            return replace(reply, status=500, body=words.encode())
        text = "".join(str(one.get("text", "")) for one in result["content"])
        return replace(reply, body=text.encode())

    def _begin(self) -> wire.Reply | None:
        """Shake hands; return the refusal, if it was one."""
        client = {"name": "retell", "version": "1"}
        params = {"protocolVersion": VERSION, "capabilities": {}, "clientInfo": client}
        reply = self._post("initialize", params, has_version=False)
        if not reply.is_success or "result" not in _message(reply):
            return reply if not reply.is_success else replace(reply, status=500)
        self._post("notifications/initialized", None)
        self._is_begun = True
        return None

    def _post(
        self, method: str, params: Json | None, *, has_version: bool = True
    ) -> wire.Reply:
        message: Json = {"jsonrpc": "2.0", "method": method}
        if params is not None:
            self._asked += 1
            message |= {"id": self._asked, "params": params}
        version = {"MCP-Protocol-Version": VERSION} if has_version else {}
        return wire.send(
            "POST",
            self._url,
            wire.compact(message),
            headers=self._headers | version,
            timeout_s=TIMEOUT_S,
        )


def _message(reply: wire.Reply) -> Json:
    """Return the one message of an answer, plain or as a stream."""
    body = reply.body
    if reply.headers.get("content-type", "").startswith("text/event-stream"):
        lines = body.split(b"\n")
        body = b"".join(
            line[len(b"data: ") :] for line in lines if line.startswith(b"data: ")
        )
    try:
        message = json.loads(body)
    except ValueError:
        return {}
    return message if isinstance(message, dict) else {}
