"""The protocol by its table: eras, headers, errors, envelopes. No HTTP, no database."""

from __future__ import annotations

import base64

import pytest

from integrations.mcp.protocol import NAMESPACE, NEW, OLD, Client, Endpoint, Reply

ENDPOINT = Endpoint("askpro", "1.2.3", "Ask politely.")
TOOL = {"name": "check_availability", "inputSchema": {"type": "object"}}
SERVER = {f"{NAMESPACE}serverInfo": {"name": "askpro", "version": "1.2.3"}}


class Tools:
    """One tool, and what was asked of it."""

    def __init__(self):
        self.asked = []

    def listed(self):
        return [TOOL]

    def call(self, name, arguments, client):
        if name != TOOL["name"]:
            return None
        self.asked.append((arguments, client))
        if arguments.get("fail"):
            raise KeyError("a secret of ours")
        return {"content": [], "isError": False}


def meta(version=NEW, **more):
    return {
        f"{NAMESPACE}protocolVersion": version,
        f"{NAMESPACE}clientCapabilities": {},
    } | {f"{NAMESPACE}{name}": value for name, value in more.items()}


def ask(message, headers=None, tools=None):
    kept = {name.lower(): value for name, value in (headers or {}).items()}
    return ENDPOINT.handle(
        message, lambda name: kept.get(name.lower()), tools or Tools()
    )


def request(method, params=None, message_id=7):
    message = {"jsonrpc": "2.0", "id": message_id, "method": method}
    return message if params is None else message | {"params": params}


def new(method, params=None, *, headers=None, version=NEW, tools=None, **info):
    params = (params or {}) | {"_meta": meta(version, **info)}
    given = {"MCP-Protocol-Version": version, "Mcp-Method": method}
    if method == "tools/call":
        given["Mcp-Name"] = params.get("name")
    given |= headers or {}
    given = {name: value for name, value in given.items() if value is not None}
    return ask(request(method, params), given, tools)


def error(reply: Reply):
    assert reply.body is not None
    return reply.status, reply.body["error"]["code"]


@pytest.mark.parametrize("version", OLD)
@pytest.mark.parametrize("header", [True, False])
def test_the_handshake_keeps_the_version_that_was_asked_for(version, header):
    headers = {"MCP-Protocol-Version": version} if header else {}

    reply = ask(request("initialize", {"protocolVersion": version}), headers)

    assert reply == Reply(
        200,
        {
            "jsonrpc": "2.0",
            "id": 7,
            "result": {
                "protocolVersion": version,
                "capabilities": {"tools": {"listChanged": False}},
                "serverInfo": {"name": "askpro", "version": "1.2.3"},
                "instructions": "Ask politely.",
            },
        },
    )


@pytest.mark.parametrize("wanted", ["2020-01-01", NEW, None, 7, [], {}])
def test_the_handshake_offers_the_newest_to_whoever_asks_for_another(wanted):
    reply = ask(request("initialize", {"protocolVersion": wanted}))

    assert reply.body["result"]["protocolVersion"] == "2025-11-25"


def test_the_old_era_gets_no_field_of_the_new_one():
    assert ask(request("ping")).body["result"] == {}
    assert ask(request("tools/list")).body["result"] == {"tools": [TOOL]}
    called = ask(request("tools/call", {"name": TOOL["name"], "arguments": {}}))
    assert called.body["result"] == {"content": [], "isError": False}


def test_the_new_era_says_what_it_is_and_whose_it_is():
    caching = {"ttlMs": 300_000, "cacheScope": "private"}
    envelope = {"resultType": "complete", "_meta": SERVER}

    assert new("server/discover").body["result"] == {
        "supportedVersions": [NEW],
        "capabilities": {"tools": {}},
        "instructions": "Ask politely.",
        **caching,
        **envelope,
    }
    assert new("tools/list").body["result"] == {
        "tools": [TOOL],
        **caching,
        **envelope,
    }
    called = new("tools/call", {"name": TOOL["name"]})
    assert called.body["result"] == {"content": [], "isError": False, **envelope}


@pytest.mark.parametrize("header", [NEW, "2031-01-01", "", "banana"])
def test_any_other_header_means_the_new_era(header):
    reply = ask(request("tools/list"), {"MCP-Protocol-Version": header})

    assert error(reply) == (400, -32602)


def test_a_version_in_meta_means_the_new_era_and_wants_its_headers():
    assert error(ask(request("tools/list", {"_meta": meta()}))) == (400, -32020)


@pytest.mark.parametrize("left_out", ["protocolVersion", "clientCapabilities"])
@pytest.mark.parametrize("value", [..., None, 7, []])
def test_meta_is_looked_at_first(left_out, value):
    given = meta()
    del given[f"{NAMESPACE}{left_out}"]
    if value is not ...:
        given[f"{NAMESPACE}{left_out}"] = value

    reply = ask(
        request("no/such", {"_meta": given}), {"MCP-Protocol-Version": "2031-01-01"}
    )

    assert error(reply) == (400, -32602)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MCP-Protocol-Version", None),
        ("MCP-Protocol-Version", "2031-01-01"),
        ("Mcp-Method", None),
        ("Mcp-Method", "tools/list"),
        ("Mcp-Method", "TOOLS/CALL"),
        ("Mcp-Name", None),
        ("Mcp-Name", "create_booking"),
        ("Mcp-Name", "=?base64?!!?="),
        ("Mcp-Name", "=?base64?/w==?="),
    ],
)
def test_headers_are_looked_at_second(name, value):
    reply = new("tools/call", {"name": TOOL["name"]}, headers={name: value})

    assert error(reply) == (400, -32020)
    assert reply.body["id"] == 7


def test_a_header_may_be_wrapped():
    wrapped = base64.b64encode(TOOL["name"].encode()).decode()
    headers = {"Mcp-Name": f"=?base64?{wrapped}?="}

    reply = new("tools/call", {"name": TOOL["name"]}, headers=headers)

    assert reply.status == 200
    assert "result" in reply.body


def test_the_version_is_looked_at_third():
    reply = new("no/such", version="2031-01-01")

    assert error(reply) == (400, -32022)
    assert reply.body["error"]["data"] == {
        "supported": [NEW],
        "requested": "2031-01-01",
    }


@pytest.mark.parametrize(
    "method", ["initialize", "ping", "resources/read", "logging/setLevel", ""]
)
def test_the_method_is_looked_at_last(method):
    assert error(new(method)) == (404, -32601)


@pytest.mark.parametrize("method", ["server/discover", "resources/list", "prompts/get"])
def test_the_old_era_answers_200_to_what_it_does_not_know(method):
    assert error(ask(request(method))) == (200, -32601)


@pytest.mark.parametrize(
    "message",
    [
        None, 7, "ping", [], {}, [{"jsonrpc": "2.0", "id": 1, "method": "ping"}],
        {"id": 1, "method": "ping"}, {"jsonrpc": "1.0", "id": 1, "method": "ping"},
        {"jsonrpc": "2.0", "id": 1}, {"jsonrpc": "2.0", "id": 1, "method": 7},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused(message):
    reply = ask(message)

    assert error(reply) == (400, -32600)
    assert reply.body["id"] is None


@pytest.mark.parametrize("message_id", [None, 1.5, True, [], {}])
def test_an_id_is_a_string_or_an_integer(message_id):
    reply = ask(request("ping", message_id=message_id))

    assert error(reply) == (400, -32600)
    assert reply.body["id"] is None


@pytest.mark.parametrize("message_id", [0, -7, 2**53, "", "a", "ü"])
def test_every_id_comes_back(message_id):
    assert ask(request("ping", message_id=message_id)).body["id"] == message_id


@pytest.mark.parametrize("method", ["notifications/initialized", "tools/call", "x"])
@pytest.mark.parametrize("params", [{}, {"name": TOOL["name"]}, [], 7])
def test_a_notification_is_accepted_and_nothing_is_done(method, params):
    tools = Tools()
    message = {"jsonrpc": "2.0", "method": method, "params": params}

    assert ask(message, tools=tools) == Reply(202)
    assert tools.asked == []


@pytest.mark.parametrize("params", [[], 7, "x", True])
def test_params_are_an_object(params):
    assert error(ask(request("tools/list", params))) == (200, -32602)


@pytest.mark.parametrize(
    "params",
    [
        {}, {"name": None}, {"name": 7}, {"name": TOOL["name"], "arguments": []},
        {"name": TOOL["name"], "arguments": "{}"}, {"name": "another"},
        {"name": "calcom_list_bookings"},
    ],
)  # fmt: skip
def test_a_call_that_is_none_is_an_error_of_the_protocol(params):
    tools = Tools()

    assert error(ask(request("tools/call", params), tools=tools)) == (200, -32602)
    assert tools.asked == []


def test_a_foreign_cursor_is_refused():
    assert error(ask(request("tools/list", {"cursor": "abc"}))) == (200, -32602)


def test_a_crash_lets_no_text_out():
    params = {"name": TOOL["name"], "arguments": {"fail": True}}

    for reply in (ask(request("tools/call", params)), new("tools/call", params)):
        assert error(reply) == (200, -32603)
        assert "secret" not in str(reply.body)


def test_a_tool_learns_who_asks_by_its_own_word():
    tools = Tools()
    params = {"name": TOOL["name"], "arguments": {"date": "morgen"}}

    ask(request("tools/call", params), tools=tools)
    new("tools/call", params, tools=tools, clientInfo={"name": "x" * 200})
    new("tools/call", params, tools=tools, clientInfo=[7])

    assert tools.asked == [
        ({"date": "morgen"}, Client("old", "")),
        ({"date": "morgen"}, Client("new", "x" * 80)),
        ({"date": "morgen"}, Client("new", "")),
    ]
