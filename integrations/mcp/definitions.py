"""What others are told of the tools: MCP clients, Retell's agents, the prompt.

Everything here is made from the classes in the registry and from nothing else.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any
from uuid import UUID

from integrations.mcp import (
    registry,
    schemas,
    servers,  # noqa: F401 (registers the tools)
)
from integrations.mcp.registry import AnyTool, Server, Tool

Json = dict[str, Any]

#: Longer than any answer of ours; Retell's default of two minutes is a lost caller.
RETELL_TIMEOUT_MS = 8_000
#: What Retell fills in for each call; unfilled, it sends the braces, which count as
#: absent.
CALL_HEADERS = {
    "X-AskPro-Call-Id": "{{call_id}}",
    "X-AskPro-To": "{{agent_number}}",
    "X-AskPro-From": "{{user_number}}",
    "X-Correlation-ID": "{{askpro_correlation_id}}",
}


def caller_tools() -> list[Tool]:
    """Return the tools for callers, by name."""
    found = registry.tools((Server.BOOKING,))
    return [one for one in found if isinstance(one, Tool)]


@cache
def mcp_tool(tool: AnyTool) -> Json:
    """Return a tool as ``tools/list`` tells of it."""
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "inputSchema": schemas.input_of(tool),
        "outputSchema": schemas.output_of(tool),
        "annotations": {
            "title": tool.title,
            "readOnlyHint": tool.hints.is_read_only,
            "destructiveHint": tool.hints.is_destructive,
            "idempotentHint": tool.hints.is_idempotent,
            "openWorldHint": tool.hints.is_open_world,
        },
    }


def mcp_tools(sets: Collection[str]) -> list[Json]:
    """Return every tool of these sets, by name."""
    return [mcp_tool(tool) for tool in registry.tools(sets)]


def retell_function(tool: Tool, *, base_url: str, endpoint: UUID | None = None) -> Json:
    """Return a tool as a custom function of a Retell agent (``general_tools[]``).

    :param base_url: how Retell reaches this installation, without a slash at the end.
    :param endpoint: of the company's own account; None: the platform's.
    Source: https://docs.retellai.com/build/conversation-flow/custom-function
    """
    account = f"{endpoint}/" if endpoint else ""
    return {
        "type": "custom",
        "name": tool.name,
        "description": tool.description_de,
        "url": f"{base_url}/api/mcp/retell/{account}functions/{tool.name}",
        "method": "POST",
        "parameter_type": "json",
        "parameters": schemas.arguments_of(tool),
        "args_at_root": False,
        "timeout_ms": RETELL_TIMEOUT_MS,
        # What writes is never repeated by the network alone.
        "max_retry": 1 if tool.hints.is_read_only else 0,
        **_speech(tool),
    }


def retell_mcp_tool(tool: Tool, *, mcp_id: str) -> Json:
    """Return a tool as an MCP entry of a Retell agent (``general_tools[]``).

    :param mcp_id: as Retell names the server of :func:`retell_mcp_server`. Its field
        ``input_schema`` is left to Retell, which reads ours from the server.
    """
    return {
        "type": "mcp",
        "name": tool.name,
        "description": tool.description_de,
        "mcp_id": mcp_id,
        **_speech(tool),
    }


def retell_mcp_server(*, base_url: str, bearer: str, name: str = "askpro") -> Json:
    """Return the server as a Retell agent's entry (``mcps[]``).

    :param bearer: a key with the scope ``booking`` and no other.
    """
    return {
        "name": name,
        "url": f"{base_url}/api/mcp/{Server.BOOKING}",
        "headers": {"Authorization": f"Bearer {bearer}"} | CALL_HEADERS,
        "timeout_ms": RETELL_TIMEOUT_MS,
    }


def _speech(tool: Tool) -> Json:
    speech: Json = {
        "speak_during_execution": bool(tool.meanwhile),
        "speak_after_execution": True,
    }
    if tool.meanwhile:
        speech |= {
            "execution_message_type": "static_text",
            "execution_message_description": tool.meanwhile,
        }
    return speech


def prompt_section() -> str:
    """Return the part of an agent's German prompt that explains its tools."""
    lines = [f"- `{tool.name}`: {tool.description_de}" for tool in caller_tools()]
    return "\n".join(["## Werkzeuge", "", *lines]) + "\n"
