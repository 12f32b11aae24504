"""The MCP door for tests: one message in the old era, the answer's parts out."""

from __future__ import annotations

from typing import Any

import orjson

from tests.factories import make_key

PATH = "/api/mcp"


def key_for(branch: Any, *scopes: str, **values: Any) -> str:
    """Return a key of the branch's company; for callers' tools unless said."""
    _, plain = make_key(company=branch.company, scopes=scopes or ("booking",), **values)
    return plain


def message(method: str, **params: Any) -> bytes:
    """Return a request of the old era."""
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})


def call_headers(call_id: str = "", to: str = "", **more: str) -> dict[str, str]:
    """Return the headers that name a call; what is empty is left out."""
    named = {"X-AskPro-Call-Id": call_id, "X-AskPro-To": to} | more
    return {name: value for name, value in named.items() if value}


def post(client: Any, key: str, body: bytes, path: str = PATH, **headers: str) -> Any:
    """Return Django's answer; header names have underscores for dashes."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(
        path,
        body,
        "application/json",
        headers={"Authorization": f"Bearer {key}"} | given,
    )


def call(client: Any, key: str, tool: str, /, headers: Any = None, **arguments: Any):
    """Return the answer of a tool as every door gives it."""
    body = message("tools/call", name=tool, arguments=arguments)
    reply = post(client, key, body, **(headers or {}))
    assert reply.status_code == 200, reply.content
    return reply.json()["result"]["structuredContent"]
