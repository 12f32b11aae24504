"""Retell's REST interface as the sandbox serves it, below `/retell`.

Paths are those in force since July 2026: the lists they replaced answer 404 here
as they do there. `/_sandbox/…` is ours: the caller tells which calls it played.
Source: https://docs.retellai.com/api-references
"""

from __future__ import annotations

import hmac
import secrets

from integrations.sandbox import retell_mcp, retell_validation
from integrations.sandbox import retell_state as state
from integrations.sandbox import retell_versions as versions
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
from integrations.sandbox.retell_filters import BadCriteria, chosen_calls, page
from integrations.sandbox.retell_state import Kind

UNLISTED = ("transcript", "transcript_object", "transcript_with_tool_calls")
RETIRED_NUMBER_FIELDS = {
    f"{direction}_agent_{part}"
    for direction in ("inbound", "outbound")
    for part in ("id", "version")
}
WEB_CALL_LIFE_MS = 30_000


def guarded(handler: Handler, *, is_open: bool = False) -> Handler:
    """Check the key first, and turn refusals into answers."""

    def answer(asked: Asked) -> Told:
        try:
            if not is_open:
                _check_key(asked.authorization)
            return handler(asked)
        except Refusal as refusal:
            return refusal.told
        except BadCriteria as mistake:
            return Refusal(400, str(mistake)).told

    return answer


def key_info(asked: Asked) -> Told:
    known = state.workspace()
    names = ("org_id", "org_name", "api_key_name")
    return Told(200, {name: known[name] for name in names})


def concurrency(asked: Asked) -> Told:
    running = [
        call for call in state.everything(Kind.CALL) if call["call_status"] == "ongoing"
    ]
    return Told(
        200,
        {
            "current_concurrency": len(running),
            "concurrency_limit": 20,
            "base_concurrency": 20,
            "purchased_concurrency": 0,
            "reserved_inbound_concurrency": 0,
            "concurrency_burst_enabled": False,
            "concurrency_burst_limit": 0,
        },
    )


def list_agents(asked: Asked) -> Told:
    """Answer what a list tells of agents, which is far less than `get-agent`."""
    criteria = object_of(asked).get("filter_criteria") or {}
    items = [
        {
            "agent_id": agent["agent_id"],
            "agent_name": agent["agent_name"],
            "channel": "voice",
            "is_suspended": False,
            "tags": {
                tag: {"version": agent["version"]} for tag in agent["assigned_tags"]
            },
            "user_modified_timestamp": agent["last_modification_timestamp"],
            "is_transfer_agent": False,
        }
        for agent in state.everything(Kind.AGENT)
        if str(criteria.get("query", "")).lower() in agent["agent_name"].lower()
    ]
    if (criteria.get("channel") or {}).get("value", "voice") != "voice":
        items = []
    return Told(200, page(items, "agent_id", asked.query))


def change_number(asked: Asked) -> Told:
    """Change a number; the single-agent fields are refused since March 2026."""
    retired = sorted(RETIRED_NUMBER_FIELDS & object_of(asked).keys())
    if retired:
        raise Refusal(400, f"{retired[0]} is no longer supported")
    retell_validation.check(Kind.NUMBER, object_of(asked), {})
    return change(Kind.NUMBER)(asked)


def list_calls(asked: Asked) -> Told:
    """List calls by criteria, without what was said in them."""
    wanted = object_of(asked)
    calls = sorted(
        state.everything(Kind.CALL), key=lambda call: call.get("start_timestamp", 0)
    )
    found = page(
        chosen_calls(calls, wanted.get("filter_criteria") or {}), "call_id", wanted
    )
    found["items"] = [
        {name: value for name, value in call.items() if name not in UNLISTED}
        for call in found["items"]
    ]
    return Told(200, found)


def change_call(asked: Asked) -> Told:
    """Change what we attached to a call that has ended."""
    call = one(Kind.CALL, asked)
    if call["call_status"] == "ongoing":
        raise Refusal(400, "Only ended calls can be updated")
    allowed = {"metadata", "custom_attributes", "data_storage_setting"}
    return Told(200, state.save(Kind.CALL, call | _only(asked, allowed)))


def delete_call(asked: Asked) -> Told:
    if not state.remove(Kind.CALL, asked.ids[0]):
        raise Refusal(422, NOT_FOUND)
    return Told(204)


def create_web_call(asked: Asked) -> Told:
    """Open a call that a browser may join within half a minute."""
    wanted = object_of(asked)
    agent = state.find(Kind.AGENT, str(wanted.get("agent_id", "")))
    if agent is None:
        raise Refusal(422, NOT_FOUND)
    call: Json = {
        "call_type": "web_call",
        "call_id": f"call_{secrets.token_hex(14)[:27]}",
        "agent_id": agent["agent_id"],
        "agent_name": agent["agent_name"],
        "agent_version": wanted.get("agent_version", agent["version"]),
        "call_status": "registered",
    }
    for name in ("metadata", "retell_llm_dynamic_variables"):
        if name in wanted:
            call[name] = wanted[name]
    state.save(Kind.CALL, call)
    return Told(
        201,
        {
            "access_token": secrets.token_urlsafe(16),
            "call_id": call["call_id"],
            "expires_at": state.now_ms() + WEB_CALL_LIFE_MS,
            "ice_servers": [{"urls": ["stun:stun.example.com:3478"]}],
            "transport": "gateway",
        },
    )


def read_all(kind: Kind) -> Handler:
    """Return a handler that answers pages of whole objects."""

    def handler(asked: Asked) -> Told:
        objects = state.everything(kind)
        return Told(200, page(objects, state.IDENTIFIERS[kind], asked.query))

    return handler


def read(kind: Kind) -> Handler:
    """Return a handler that answers one object."""
    return lambda asked: Told(200, one(kind, asked))


def change(kind: Kind) -> Handler:
    """Return a handler that replaces the fields that a body names, lists as wholes."""

    def handler(asked: Asked) -> Told:
        old, given = one(kind, asked), object_of(asked)
        fixed = {state.IDENTIFIERS[kind]: old[state.IDENTIFIERS[kind]]}
        stamp = {"last_modification_timestamp": state.now_ms()}
        return Told(200, state.save(kind, old | given | fixed | stamp))

    return handler


def show_state(asked: Asked) -> Told:
    """Tell the keys and what there is: for whoever sets a demo up."""
    known = state.workspace()
    return Told(
        200,
        {
            "api_key": known["api_key"],
            "webhook_key": known["webhook_key"],
            "agents": state.everything(Kind.AGENT),
            "phone_numbers": state.everything(Kind.NUMBER),
            "calls": [call["call_id"] for call in state.everything(Kind.CALL)],
        },
    )


def keep_call(asked: Asked) -> Told:
    """Keep a call that was played, for `get-call` and `list-calls`."""
    call = object_of(asked)
    if call.get("call_id") != asked.ids[0]:
        raise Refusal(400, "call_id differs from the address")
    state.save(Kind.CALL, call)
    return Told(204)


def connection(base_url: str) -> dict[str, str]:
    """Return what a client needs: address and keys of the sandbox's Retell.

    :param base_url: the sandbox's own address, without `/retell`.
    """
    known = state.workspace()
    return {
        "base_url": f"{base_url.rstrip('/')}/retell",
        "api_key": known["api_key"],
        "webhook_key": known["webhook_key"],
    }


def _check_key(authorization: str) -> None:
    expected = f"Bearer {state.workspace()['api_key']}"
    if not hmac.compare_digest(authorization.encode(), expected.encode()):
        raise Refusal(401, "Invalid API key")


def _only(asked: Asked, allowed: set[str]) -> Json:
    return {name: value for name, value in object_of(asked).items() if name in allowed}


_ENDPOINTS: list[tuple[str, str, Handler]] = [
    ("GET", r"/get-api-key-info", key_info),
    ("GET", r"/get-concurrency", concurrency),
    ("POST", r"/v2/list-agents", list_agents),
    ("GET", r"/get-agent/([^/]+)", versions.read(Kind.AGENT)),
    ("GET", r"/list-agent-versions/([^/]+)", versions.list_versions),
    ("POST", r"/create-agent", versions.create_agent),
    ("PATCH", r"/update-agent/([^/]+)", versions.change(Kind.AGENT)),
    ("POST", r"/create-agent-version/([^/]+)", versions.create_version),
    ("POST", r"/publish-agent-version/([^/]+)", versions.publish),
    ("GET", r"/get-mcp-tools/([^/]+)", retell_mcp.tools_of_agent),
    ("GET", r"/v2/list-retell-llms", read_all(Kind.LLM)),
    ("GET", r"/get-retell-llm/([^/]+)", versions.read(Kind.LLM)),
    ("POST", r"/create-retell-llm", versions.create_llm),
    ("PATCH", r"/update-retell-llm/([^/]+)", versions.change(Kind.LLM)),
    ("GET", r"/v2/list-phone-numbers", read_all(Kind.NUMBER)),
    ("GET", r"/get-phone-number/([^/]+)", read(Kind.NUMBER)),
    ("PATCH", r"/update-phone-number/([^/]+)", change_number),
    ("POST", r"/v3/list-calls", list_calls),
    ("GET", r"/v2/get-call/([^/]+)", read(Kind.CALL)),
    ("PATCH", r"/v2/update-call/([^/]+)", change_call),
    ("DELETE", r"/v2/delete-call/([^/]+)", delete_call),
    ("POST", r"/v3/create-web-call", create_web_call),
]
_LEVERS: list[tuple[str, str, Handler]] = [
    ("GET", r"/_sandbox/state", show_state),
    ("PUT", r"/_sandbox/calls/([^/]+)", keep_call),
    ("PUT", r"/_sandbox/publishing", versions.set_publishing),
]
ROUTES: list[tuple[str, str, Handler]] = [
    *((method, f"/retell{path}", guarded(do)) for method, path, do in _ENDPOINTS),
    *(
        (method, f"/retell{path}", guarded(do, is_open=True))
        for method, path, do in _LEVERS
    ),
]
