"""The door under whatever may be sent: an answer each time, and nothing let out."""

from __future__ import annotations

import json

import orjson
import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from integrations.mcp import registry
from integrations.mcp.protocol import NAMESPACE, NEW, OLD
from integrations.mcp.registry import Server
from tests import factories
from tests.integrations.mcp.door import key_for

pytestmark = pytest.mark.django_db

#: Words of ours that would tell of our insides.
LEAKS = (b"Traceback", b"psycopg", b"django", b"SELECT ", b"/work", b"pydantic", b".py")
TOOLS = {one.name: one for one in registry.tools((Server.BOOKING,))}
METHODS = [
    *("initialize", "ping", "server/discover", "tools/list", "tools/call"),
    *("notifications/initialized", "resources/read", "x", ""),
]
_texts = st.text(max_size=60) | st.sampled_from(
    ["{{call_id}}", "\0", "morgen", "\ud7ff", "' OR 1=1 --", "<b>", "a" * 300, "٣"]
)
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
_fields = st.sampled_from(
    [
        *sorted(
            {name for one in TOOLS.values() for name in one.Arguments.model_fields}
        ),
        *("idempotency_key", "call_id", "datum", "uhrzeit"),
    ]
)
_calls = st.fixed_dictionaries(
    {"name": st.sampled_from(sorted(TOOLS)) | _texts},
    optional={"arguments": st.dictionaries(_fields, _values, max_size=6) | _values},
)
_meta = st.dictionaries(
    st.sampled_from(
        [f"{NAMESPACE}{one}" for one in ("protocolVersion", "clientCapabilities")]
        + [f"{NAMESPACE}clientInfo", "x"]
    ),
    st.sampled_from([NEW, *OLD, {}, {"name": 7}]) | _values,
    max_size=4,
)
_params = st.one_of(
    _calls,
    st.builds(lambda call, meta: call | {"_meta": meta}, _calls, _meta),
    st.builds(lambda meta: {"_meta": meta}, _meta),
    _values,
)
_messages = st.one_of(
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0"), "method": st.sampled_from(METHODS)},
        optional={"id": st.integers(0, 9) | _values, "params": _params},
    ),
    st.fixed_dictionaries(
        {
            "jsonrpc": st.just("2.0"),
            "id": st.integers(0, 9),
            "method": st.just("tools/call"),
            "params": _calls,
        }
    ),
    _values,
)
_raw = st.one_of(
    _messages.map(lambda one: json.dumps(one, ensure_ascii=False).encode()),
    st.binary(max_size=200),
)
_ascii = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
_headers = st.dictionaries(
    st.sampled_from(
        [
            *("MCP-Protocol-Version", "Mcp-Method", "Mcp-Name", "Accept"),
            *("X-AskPro-Call-Id", "X-AskPro-To", "X-AskPro-From", "X-Correlation-ID"),
            *("User-Agent", "Mcp-Session-Id", "Content-Type"),
        ]
    ),
    st.sampled_from([NEW, *OLD, "tools/call", "{{call_id}}", "=?base64?YQ==?="])
    | _ascii,
    max_size=5,
)


@pytest.fixture
def key():
    branch = factories.make_ready_branch(company=factories.make_company())
    return key_for(branch)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(raw=_raw, headers=_headers)
def test_the_door_always_answers_and_lets_nothing_out(key, raw, headers):
    kind = headers.pop("Content-Type", "application/json")

    reply = Client().post(
        "/api/mcp", raw, kind, headers={"Authorization": f"Bearer {key}"} | headers
    )

    assert reply.status_code in (200, 202, 400, 404), reply.content
    assert not any(word in reply.content for word in LEAKS), reply.content
    if reply.status_code == 202:
        assert reply.content == b""
        return
    answer = orjson.loads(reply.content)
    assert answer["jsonrpc"] == "2.0"
    assert ("result" in answer) != ("error" in answer)
    if "error" in answer:
        assert answer["error"]["code"] in {
            *(-32700, -32600, -32601, -32602, -32020, -32022),
        }
    elif "structuredContent" in answer["result"]:
        told = answer["result"]["structuredContent"]
        assert set(told) == {"say", "success", "code", "data"}
        assert told["say"]
        assert told["code"] != "internal", (raw, told)
