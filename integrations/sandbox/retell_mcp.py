"""Which tools an agent's MCP server offers, asked over HTTP as Retell asks it.

Source: https://docs.retellai.com/api-references/get-mcp-tools
"""

from __future__ import annotations

import json
from typing import Any

from integrations.sandbox import retell_state as state
from integrations.sandbox import wire
from integrations.sandbox.retell_exchange import (
    NOT_FOUND,
    Asked,
    Json,
    Refusal,
    Told,
    one,
)
from integrations.sandbox.retell_state import Kind

PROTOCOL = "2025-06-18"
ACCEPT = "application/json, text/event-stream"
TIMEOUT_S = 8.0
CLIENT = {"name": "retell-sandbox", "version": "1"}


def tools_of_agent(asked: Asked) -> Told:
    """Answer the tools of the server that the query names, or of the only one."""
    agent = one(Kind.AGENT, asked)
    llm = state.find(Kind.LLM, agent["response_engine"].get("llm_id", ""))
    servers = (llm or {}).get("mcps") or []
    wanted = asked.query.get("mcp_id")
    found = [entry for entry in servers if wanted in (None, entry["id"])]
    if len(found) != 1:
        raise Refusal(422, NOT_FOUND)
    tools = _tools(found[0])
    names = ("name", "description", "inputSchema")
    return Told(200, [{name: tool.get(name) for name in names} for tool in tools])


def _tools(server: Json) -> list[Json]:
    """Shake hands, then ask for the list. No call is under way: braces stay braces."""
    params = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": CLIENT}
    _ask(server, {"id": 1, "method": "initialize", "params": params})
    _ask(server, {"method": "notifications/initialized"})
    answer = _ask(server, {"id": 2, "method": "tools/list", "params": {}})
    tools: list[Json] = (answer.get("result") or {}).get("tools") or []
    return tools


def _ask(server: Json, message: Json) -> Json:
    """Post one message.

    :raises Refusal: the server does not answer it.
    """
    headers = {"Accept": ACCEPT, **(server.get("headers") or {})}
    raw = wire.compact({"jsonrpc": "2.0", **message})
    reply = wire.send("POST", server["url"], raw, headers=headers, timeout_s=TIMEOUT_S)
    if not reply.is_success:
        reason = reply.error or f"HTTP {reply.status}"
        raise Refusal(400, f"MCP server {server['name']} failed: {reason}")
    return _message(reply)


def _message(reply: wire.Reply) -> Json:
    """Return the message of a plain answer, or of a stream of one event."""
    found: Any = reply.json()
    for line in reply.body.decode(errors="replace").splitlines():
        if found is None and line.startswith("data:"):
            found = json.loads(line.removeprefix("data:"))
    return found if isinstance(found, dict) else {}
