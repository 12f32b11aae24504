"""What Retell refuses in an agent, an LLM or a number, as its documentation says."""

from __future__ import annotations

import re
from typing import Any

from integrations.sandbox.retell_exchange import Json, Refusal
from integrations.sandbox.retell_state import Kind

TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
TOOL_TYPES = {
    *("end_call", "transfer_call", "bridge_transfer", "cancel_transfer"),
    *("agent_swap", "press_digit", "send_sms", "custom", "code"),
    *("extract_dynamic_variable", "mcp", "integration_app"),
}
EVENTS = {
    *("call_started", "call_ended", "call_analyzed", "transcript_updated"),
    *("transfer_started", "transfer_bridged", "transfer_cancelled", "transfer_ended"),
}
STORAGE = {"everything", "everything_except_pii", "basic_attributes_only"}
ENGINES = {
    "retell-llm": "llm_id",
    "conversation-flow": "conversation_flow_id",
    "custom-llm": "llm_websocket_url",
}
#: Field, lowest, highest.
AGENT_RANGES = (
    ("max_call_duration_ms", 60_000, 7_200_000),
    ("end_call_after_silence_ms", 10_000, None),
    ("data_storage_retention_days", 1, 730),
    ("interruption_sensitivity", 0, 1),
    ("responsiveness", 0, 1),
)


def check(kind: Kind, given: Json, whole: Json) -> None:
    """Look at what a body names, and at what depends on each other.

    :param whole: the object as it would be afterwards. An `mcps[]` entry without an id
        is given one here.
    :raises Refusal: 400, with the first mistake.
    """
    if kind == Kind.AGENT:
        _agent(given)
    elif kind == Kind.LLM:
        _llm(given, whole)
    else:
        _number(given)


def _demand(is_right: bool, message: str) -> None:
    if not is_right:
        raise Refusal(400, message)


def _agent(given: Json) -> None:
    _demand(given.get("language") != "multi", "language: list the locales instead")
    unknown = set(given.get("webhook_events") or ()) - EVENTS
    _demand(not unknown, f"webhook_events: unknown {sorted(unknown)}")
    storage = given.get("data_storage_setting", "everything")
    _demand(storage in STORAGE, "data_storage_setting is unknown")
    for name, lowest, highest in AGENT_RANGES:
        value = given.get(name)
        if value is None:
            continue
        is_within = value >= lowest and (highest is None or value <= highest)
        _demand(is_within, f"{name} must be within {lowest} and {highest}")
    if "response_engine" in given:
        engine = given["response_engine"]
        wanted = ENGINES.get(engine.get("type", ""), "")
        _demand(bool(engine.get(wanted)), "response_engine is incomplete")


def _llm(given: Json, whole: Json) -> None:
    variables = given.get("default_dynamic_variables") or {}
    are_texts = all(isinstance(value, str) for value in variables.values())
    _demand(are_texts, "default_dynamic_variables must be strings")
    if "mcps" in given:
        whole["mcps"] = _mcps(given["mcps"] or [])
    if "general_tools" in given:
        _tools(given["general_tools"], whole.get("mcps") or [])


def _mcps(entries: list[Json]) -> list[Json]:
    for entry in entries:
        is_whole = bool(entry.get("name")) and bool(entry.get("url"))
        _demand(is_whole, "an MCP needs a name and a url")
    taken = {entry.get("id") for entry in entries}
    free = (f"mcp-server-{n}" for n in range(1, 1000) if f"mcp-server-{n}" not in taken)
    return [{"id": entry.get("id") or next(free), **entry} for entry in entries]


def _tools(tools: list[Json], mcps: list[Json]) -> None:
    names = [str(tool.get("name", "")) for tool in tools]
    _demand(len(names) == len(set(names)), "tool names must be unique")
    servers = {entry["id"] for entry in mcps}
    for tool in tools:
        name, kind = str(tool.get("name", "")), tool.get("type")
        _demand(kind in TOOL_TYPES, f"tool type {kind} is not supported")
        _demand(TOOL_NAME.fullmatch(name) is not None, f"bad tool name {name}")
        if kind == "custom":
            _custom(tool)
        if kind == "mcp":
            _demand(bool(tool.get("description")), f"{name}: description is required")
            known = tool.get("mcp_id") is None or tool["mcp_id"] in servers
            _demand(known, f"{name}: unknown mcp_id")


def _custom(tool: Json) -> None:
    name: Any = tool["name"]
    _demand(bool(tool.get("url")), f"{name}: url is required")
    schema = tool.get("parameters") or {"type": "object"}
    _demand(schema.get("type") == "object", f"{name}: parameters must be an object")
    timeout_ms = tool.get("timeout_ms", 120_000)
    _demand(1_000 <= timeout_ms <= 600_000, f"{name}: timeout_ms is out of range")
    _demand(0 <= tool.get("max_retry", 0) <= 5, f"{name}: max_retry is out of range")


def _number(given: Json) -> None:
    for direction in ("inbound_agents", "outbound_agents"):
        agents = given.get(direction)
        if agents:
            total = sum(entry.get("weight", 0) for entry in agents)
            _demand(abs(total - 1) < 1e-6, f"{direction}: weights must add up to 1")
