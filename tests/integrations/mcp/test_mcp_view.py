"""The MCP door over HTTP: who is let in, what is refused, in which form it answers."""

from __future__ import annotations

import logging
import re

import orjson
import pytest

from integrations.mcp import registry
from integrations.models import ToolCall
from tenants import redis
from tenants.scoping import every_company, scope
from tests import factories
from tests.integrations.mcp.door import PATH, key_for, message, post

pytestmark = pytest.mark.django_db

PING = message("ping")
CONTEXT = message("tools/call", name="get_current_context", arguments={})
SERVERS = ("booking", "calcom", "retell", "database", "webhook")


@pytest.fixture
def branch():
    return factories.make_ready_branch(company=factories.make_company())


@pytest.fixture
def key(branch):
    return key_for(branch)


def tools_of(reply):
    return [one["name"] for one in reply.json()["result"]["tools"]]


CALLERS = [
    *("booking_status", "cancel_booking", "check_availability", "create_booking"),
    *("find_bookings", "get_current_context", "get_customer_info"),
    *("get_opening_hours", "list_services", "request_callback"),
    *("reschedule_booking", "resolve_time"),
]


@pytest.mark.parametrize(
    "path", ["/api/mcp", "/api/mcp/", "/api/mcp/booking", "/api/mcp/booking/"]
)
def test_a_phones_key_sees_the_tools_for_callers_and_no_other(client, key, path):
    assert tools_of(post(client, key, message("tools/list"), path)) == CALLERS


@pytest.mark.parametrize("server", [one for one in SERVERS if one != "booking"])
def test_where_the_scope_is_missing_there_is_no_tool(client, key, server):
    path = f"{PATH}/{server}"

    listed = post(client, key, message("tools/list"), path)
    called = post(client, key, CONTEXT, path)

    assert tools_of(listed) == []
    assert called.json()["error"] == {"code": -32602, "message": "Unknown tool"}
    with every_company():
        assert not ToolCall.objects.exists()


def test_an_address_narrows_what_a_key_opens(client, branch):
    key = key_for(branch, *SERVERS)

    everything = tools_of(post(client, key, message("tools/list")))
    parts = [
        tools_of(post(client, key, message("tools/list"), f"{PATH}/{server}"))
        for server in SERVERS
    ]

    assert everything == sorted(name for part in parts for name in part)
    assert everything == [one.name for one in registry.tools()]


def test_an_unknown_tool_has_the_words_of_a_hidden_one(client, branch):
    hidden = key_for(branch, "webhook")
    unknown = message("tools/call", name="no_such_tool", arguments={})

    answers = [post(client, hidden, body).json() for body in (CONTEXT, unknown)]

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer x",
        "Basic YWJj",
        "bearer askpro_test_000000000000_" + "0" * 64,
    ],
)
def test_a_stranger_is_told_to_show_a_key(client, branch, authorization):
    reply = client.post(
        PATH, PING, "application/json", headers={"Authorization": authorization}
    )

    assert reply.status_code == 401
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert reply.json()["detail"]


def test_a_key_in_the_address_opens_nothing(client, key):
    reply = client.post(f"{PATH}?key={key}", PING, "application/json")

    assert reply.status_code == 401


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete", "options", "head"])
def test_only_post_is_answered(client, key, method):
    reply = getattr(client, method)(PATH, headers={"Authorization": f"Bearer {key}"})

    assert reply.status_code == 405
    assert reply.headers["Allow"] == "POST"


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example", "https://127.0.0.1:8000.evil.example", "null", "", "x",
        "http://[", "http://testserver.evil.example", "http://evil.example@", "//",
    ],
)  # fmt: skip
def test_a_page_of_another_host_may_not_ask(client, key, origin):
    assert post(client, key, PING, Origin=origin).status_code == 403
    # Also before anybody's key is looked at.
    assert post(client, "x", PING, Origin=origin).status_code == 403


@pytest.mark.parametrize("origin", ["http://testserver", "http://127.0.0.1:8000"])
def test_our_own_pages_may(client, key, origin):
    assert post(client, key, PING, Origin=origin).status_code == 200


def test_a_foreign_host_is_told_so(client, key):
    assert post(client, key, PING, Host="evil.example").status_code == 421
    assert post(client, key, PING, Host="e v i l").status_code == 421


@pytest.mark.parametrize("path", [PATH, f"{PATH}/retell/"])
@pytest.mark.parametrize(("size", "status"), [(262_144, 400), (262_145, 413)])
def test_a_body_has_its_limit(client, key, path, size, status):
    assert post(client, key, b" " * size, path).status_code == status


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"a":1', b"[" * 100_000])
def test_what_is_no_json_is_told_so(client, key, body):
    reply = post(client, key, body)

    assert reply.status_code == 400
    assert reply.json() == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": "Parse error"},
    }


def test_a_list_of_messages_is_none(client, key):
    reply = post(client, key, b"[" + PING + b"]")

    assert (reply.status_code, reply.json()["error"]["code"]) == (400, -32600)


def test_a_notification_gets_no_body(client, key):
    body = b'{"jsonrpc":"2.0","method":"notifications/initialized"}'

    reply = post(client, key, body)

    assert (reply.status_code, reply.content) == (202, b"")


@pytest.mark.parametrize("content_type", ["text/plain", "", "application/x-odd"])
def test_neither_content_type_nor_accept_matters(client, key, content_type):
    reply = client.post(
        PATH,
        PING,
        content_type,
        headers={"Authorization": f"Bearer {key}", "Accept": "text/html"},
    )

    assert reply.json()["result"] == {}


@pytest.mark.parametrize(
    ("accept", "streamed"),
    [
        ("application/json, text/event-stream", True),
        ("text/event-stream", True),
        ("application/json", False),
        ("*/*", False),
    ],
)
def test_a_key_may_want_a_stream_of_one_event(client, branch, accept, streamed):
    key = key_for(branch, is_streamed=True)

    reply = post(client, key, PING, Accept=accept)

    body = b'{"jsonrpc":"2.0","id":1,"result":{}}'
    kind = "text/event-stream" if streamed else "application/json"
    assert reply.headers["Content-Type"] == kind
    assert reply.content == (
        b"event: message\ndata: " + body + b"\n\n" if streamed else body
    )


def test_other_keys_get_json_also_where_a_stream_is_accepted(client, key):
    reply = post(client, key, PING, Accept="application/json, text/event-stream")

    assert reply.headers["Content-Type"] == "application/json"


def test_an_error_is_never_streamed(client, branch):
    key = key_for(branch, is_streamed=True)

    reply = post(client, key, b"{", Accept="text/event-stream")

    assert reply.headers["Content-Type"] == "application/json"


def test_a_result_is_text_and_structure_alike(client, key):
    result = post(client, key, CONTEXT).json()["result"]

    (block,) = result["content"]
    assert block["type"] == "text"
    assert orjson.loads(block["text"]) == result["structuredContent"]
    assert block["text"].startswith('{"say":')
    assert result["isError"] is False


@pytest.mark.parametrize(
    ("tool", "arguments", "code"),
    [
        ("resolve_time", {}, "invalid_input"),
        ("resolve_time", {"phrase": "x" * 201}, "invalid_input"),
        ("request_callback", {"phone": "030 123456"}, "invalid_input"),
    ],
)
def test_what_the_model_did_wrong_is_an_error(client, key, tool, arguments, code):
    body = message("tools/call", name=tool, arguments=arguments)

    result = post(client, key, body).json()["result"]

    assert (result["isError"], result["structuredContent"]["code"]) == (True, code)
    assert "x" * 50 not in str(result)


def test_an_outcome_is_none(client, key):
    body = message("tools/call", name="resolve_time", arguments={"phrase": "blau"})

    result = post(client, key, body).json()["result"]

    assert result["isError"] is False
    assert result["structuredContent"]["success"] is False
    assert result["structuredContent"]["code"] == "ambiguous"


def test_a_row_is_kept_of_each_tool_call(client, branch, key):
    body = message(
        "tools/call", name="resolve_time", arguments={"phrase": "morgen", "x": 1}
    )
    headers = {"User-Agent": "n8n/1.2", "X-Correlation-ID": "abc-1"}

    reply = post(client, key, body, **headers)

    assert reply.headers["X-Correlation-ID"] == "abc-1"
    with scope(branch.company_id):
        row = ToolCall.objects.get()
    assert (row.door, row.tool, row.code, row.era, row.client) == (
        "mcp", "resolve_time", "ok", "old", "n8n/1.2",
    )  # fmt: skip
    assert key.startswith(row.key_prefix)
    assert len(row.key_prefix) > 12
    assert (row.arguments, row.unknown_arguments) == ({"phrase": "***"}, 1)
    assert row.correlation_id == "abc-1"
    assert row.call_row_id is None


@pytest.mark.parametrize("given", ["", "{{correlation_id}}", "a b", "ü", "x" * 121])
def test_an_odd_correlation_id_is_none(client, key, given):
    reply = post(client, key, CONTEXT, **{"X-Correlation-ID": given})

    assert reply.status_code == 200
    assert re.fullmatch("mcp_[0-9a-f]{32}", reply.headers["X-Correlation-ID"])


@pytest.fixture
def limit(settings):
    settings.KEY_REQUESTS_PER_MINUTE = 3
    redis.client().flushdb()
    return 3


def test_above_its_limit_a_key_hears_a_sentence_and_then_nothing(client, key, limit):
    replies = [post(client, key, CONTEXT) for _ in range(4 * limit + 1)]

    codes = [
        reply.json()["result"]["structuredContent"]["code"] for reply in replies[:-1]
    ]
    assert codes == ["ok"] * limit + ["rate_limited"] * 3 * limit
    limited = replies[limit].json()["result"]
    assert limited["isError"] is False
    assert limited["structuredContent"]["data"]["retry_after_s"] > 0
    assert replies[-1].status_code == 429
    assert int(replies[-1].headers["Retry-After"]) > 0


def test_an_exchange_is_logged_without_what_was_said(client, key, settings, caplog):
    settings.MCP_DEBUG = True
    body = message(
        "tools/call",
        name="request_callback",
        arguments={"name": "Erika Geheim", "idempotency_key": "a", "date": "morgen"},
    )

    with caplog.at_level(logging.INFO, "integrations.mcp.mcp_view"):
        post(client, key, body)

    (record,) = [one for one in caplog.records if one.message == "mcp exchange"]
    assert (record.method, record.tool, record.code) == (
        "tools/call", "request_callback", "invalid_input",
    )  # fmt: skip
    assert record.arguments == {
        "name": "***", "idempotency_key": "***", "date": "morgen",
    }  # fmt: skip
    assert "Geheim" not in str(vars(record))


def test_nothing_is_logged_unless_wanted(client, key, caplog):
    with caplog.at_level(logging.INFO, "integrations.mcp.mcp_view"):
        post(client, key, CONTEXT)

    assert [one for one in caplog.records if one.message == "mcp exchange"] == []
