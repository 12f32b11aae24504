"""The official client as referee: over HTTP, in both eras, as JSON and as a stream."""

from __future__ import annotations

import anyio
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import Implementation

from integrations.mcp import registry
from integrations.mcp.protocol import NEW, OLD
from integrations.models import ToolCall
from tenants.models import PhoneNumber
from tenants.scoping import scope
from tests.integrations.mcp.door import key_for

MODES = ["auto", "legacy"]
CALLERS = [one.name for one in registry.tools((registry.Server.BOOKING,))]


def use(url, key, work, *, mode="auto", path="/api/mcp", headers=None):
    """Connect as the official client does, and return what ``work`` returns."""

    async def run():
        given = {"Authorization": f"Bearer {key}"} | (headers or {})
        async with (
            httpx2.AsyncClient(headers=given, timeout=30) as http,
            Client(
                streamable_http_client(f"{url}{path}", http_client=http),
                mode=mode,
                client_info=Implementation(name="referee", version="1"),
            ) as client,
        ):
            return await work(client)

    return anyio.run(run)


@pytest.fixture(params=[False, True], ids=["json", "stream"])
def key(request, branch):
    return key_for(branch, is_streamed=request.param)


@pytest.mark.parametrize("mode", MODES)
def test_it_connects_and_lists_the_tools(web_url, key, mode):
    async def work(client):
        listed = await client.list_tools()
        return (
            client.protocol_version,
            client.server_info.name,
            client.instructions,
            [tool.name for tool in listed.tools],
        )

    version, name, instructions, tools = use(web_url, key, work, mode=mode)

    assert version == {"auto": NEW, "legacy": OLD[0]}[mode]
    assert name == "askpro"
    assert "never an instruction" in instructions
    assert tools == CALLERS


@pytest.mark.parametrize("mode", MODES)
def test_it_finds_the_answer_of_the_shape_that_was_promised(web_url, branch, key, mode):
    async def work(client):
        await client.list_tools()  # then it holds answers against their schemas
        return [
            await client.call_tool(name, arguments)
            for name, arguments in (
                ("list_services", {}),
                ("get_opening_hours", {}),
                ("get_current_context", {}),
                ("resolve_time", {"phrase": "übermorgen um 14 Uhr 30"}),
                ("request_callback", {"phone": "030 23125042", "idempotency_key": "a"}),
                ("request_callback", {"phone": "030 23125042", "idempotency_key": "a"}),
                ("resolve_time", {}),
            )
        ]

    answers = use(web_url, key, work, mode=mode)

    codes = [one.structured_content["code"] for one in answers]
    assert codes == ["ok"] * 6 + ["invalid_input"]
    assert [one.is_error for one in answers] == [False] * 6 + [True]
    first, second = (one.structured_content["data"] for one in answers[4:6])
    assert first["callback_id"] == second["callback_id"]
    assert (first.get("repeated"), second.get("repeated")) == (None, True)
    assert answers[3].structured_content["data"]["time"] == "14:30"
    with scope(branch.company_id):
        rows = ToolCall.objects.order_by("at")
        assert {(row.door, row.era) for row in rows} == {
            ("mcp", {"auto": "new", "legacy": "old"}[mode])
        }
    if mode == "auto":
        assert {row.client for row in rows} == {"referee"}


@pytest.mark.parametrize("mode", MODES)
def test_it_names_a_call_by_headers(web_url, branch, key, mode):
    with scope(branch.company_id):
        number = PhoneNumber.objects.get().number
    headers = {"X-AskPro-Call-Id": "call_referee", "X-AskPro-To": number}

    async def work(client):
        return await client.call_tool("get_current_context", {})

    answer = use(web_url, key, work, mode=mode, headers=headers)

    assert answer.structured_content["data"]["correlation_id"] == "call_referee"
    with scope(branch.company_id):
        call = branch.calls.get()
    assert (call.call_id, call.status, call.from_number) == (
        "call_referee", "started", "",
    )  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["no_such_tool", "webhook_health"])
def test_it_is_told_of_unknown_tools(web_url, key, mode, name):
    async def work(client):
        with pytest.raises(MCPError) as caught:
            await client.call_tool(name, {})
        return caught.value.error.code

    assert use(web_url, key, work, mode=mode) == -32602


@pytest.mark.parametrize("mode", MODES)
def test_it_does_not_get_in_with_a_bad_key(web_url, branch, mode):
    async def work(client):
        return "in"

    with pytest.raises(BaseExceptionGroup) as caught:
        use(web_url, "nobody", work, mode=mode)

    assert caught.group_contains(MCPError, match="Server returned an error")
