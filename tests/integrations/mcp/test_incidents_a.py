"""Call identity and requests as systems of this kind have met them, at both doors.

| Incident | Here | Elsewhere |
|---|---|---|
| A1 call identity | ``test_a1_*`` | ``test_gateway``, ``test_mcp_callers`` |
| A2 no guessing | ``test_a2_*`` | |
| A3 self-sufficient | ``test_a3_*`` | ``test_mcp_callers`` (signed, unread) |
| A4 withheld numbers | ``test_a4_*`` | ``flows/test_doors`` (``hides``) |
| A5 every shape | ``test_a5_*``: every tool | ``test_arguments``: the reading alone |
| A6 versions, unknown tools | ``test_a6_*`` | ``test_arguments`` |
| A7 aliases | ``test_a7_*`` | ``test_arguments`` |
| A8 never a hard error | ``test_a8_*`` | ``tests/faults``: servers away |
| A9 one record per call | ``test_a9_*`` | ``webhooks/test_incidents_c`` (interleaved) |
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import orjson
import pytest

from bookings.models import Call, Callback
from integrations.mcp import registry
from integrations.mcp.registry import READS, Server, Tool, register
from integrations.models import ToolCall
from integrations.retell import signatures
from tenants.models import PhoneNumber, ProviderAccount
from tenants.scoping import every_company, scope
from tests import factories
from tests.integrations.mcp import door
from tests.integrations.mcp.test_arguments import ALIASES
from webhooks import tasks
from webhooks.models import WebhookLog

pytestmark = pytest.mark.django_db

CALLER = "+493023125042"
FUNCTIONS = "/api/mcp/retell/{}/functions"
CALLERS = [one.name for one in registry.tools((Server.BOOKING,))]
#: What language models and flows have written into ``call_id``.
MADE_UP = [
    "{{call_id}}", "None", "null", "undefined", "current", "call_1", "call_001", "1",
    "12345", "", None, 7, ["call_a"], {"call_id": "call_a"}, "CALL_A", "call_a ",
]  # fmt: skip
_numbers = itertools.count(5500)


@pytest.fixture
def branch():
    branch = factories.make_ready_branch(company=factories.make_company())
    with scope(branch.company_id):
        PhoneNumber.objects.update(number=f"+49302312{next(_numbers)}")
    return branch


def number_of(branch):
    with scope(branch.company_id):
        return PhoneNumber.objects.get().number


def call_of(branch, call_id="call_a", **values):
    given = {
        "call_id": call_id,
        "to_number": number_of(branch),
        "from_number": CALLER,
        "direction": "inbound",
    }
    return given | values


def post(client, branch, body: Any, *, tool="", path=FUNCTIONS):
    """Post a signed body to the function door of the company's own account."""
    with scope(branch.company_id):
        account = ProviderAccount.objects.get(
            company=branch.company_id, provider="retell"
        )
    raw = orjson.dumps(body)
    now_ms = time.time_ns() // 1_000_000
    address = path.format(account.endpoint) + (f"/{tool}" if tool else "")
    signature = signatures.sign(raw, account.webhook_secret, now_ms=now_ms)
    reply = client.post(
        address, raw, "application/json", headers={"X-Retell-Signature": signature}
    )
    assert reply.status_code in (200, 204), reply.content
    return reply


def ask(client, branch, tool, call=None, /, **arguments):
    """Ask through the function door, with a call object unless it is None."""
    body = {"name": tool, "args": arguments} | ({"call": call} if call else {})
    return post(client, branch, body).json()


def tell(client, branch, event, call):
    """Have the account tell an event, and a worker read it."""
    path = "/api/webhooks/retell/{}"
    body = {"event": event, "call": call, "call_inbound": call}
    reply = post(client, branch, body, path=path)
    tasks.process()
    return reply


def calls_of(branch):
    with scope(branch.company_id):
        return list(Call.objects.order_by("id"))


@pytest.mark.parametrize("made_up", MADE_UP, ids=repr)
def test_a1_the_id_in_the_arguments_is_nobodys(client, branch, made_up):
    other = call_of(branch, "call_a", from_number="+493023125077")
    ask(client, branch, "get_current_context", other)

    with_call = ask(
        client, branch, "get_current_context", call_of(branch, "call_b"),
        call_id=made_up,
    )  # fmt: skip
    without = ask(client, branch, "find_bookings", call_id=made_up)

    assert with_call["data"]["correlation_id"] == "call_b"
    assert without["code"] == "not_permitted"


@pytest.mark.parametrize("made_up", MADE_UP, ids=repr)
def test_a1_nor_at_the_mcp_door(client, branch, made_up):
    ask(client, branch, "get_current_context", call_of(branch, "call_a"))
    key = door.key_for(branch)

    answer = door.call(client, key, "find_bookings", call_id=made_up)
    headers = door.call_headers("call_b", number_of(branch))
    named = door.call(client, key, "get_current_context", headers, call_id=made_up)

    assert answer["data"]["fields"] == ["idempotency_key"]
    assert named["data"]["correlation_id"] == "call_b"


def test_a1_an_exact_id_of_an_open_call_will_do_without_a_call_object(client, branch):
    ask(client, branch, "get_current_context", call_of(branch))

    during = ask(client, branch, "get_current_context", call_id="call_a")
    tell(client, branch, "call_ended", call_of(branch))
    after = ask(client, branch, "get_current_context", call_id="call_a")

    assert (during["code"], after["code"]) == ("ok", "not_permitted")


def test_a2_an_unknown_call_is_not_the_latest_one(client, branch):
    """Two are on the line; whoever names neither hears of neither."""
    customer = factories.make_customer(company=branch.company, phone=CALLER)
    factories.make_appointment(branch=branch, customer=customer)
    for call_id in ("call_a", "call_b"):
        ask(client, branch, "get_customer_info", call_of(branch, call_id))
    key = door.key_for(branch)
    before = [vars(one) | {"_state": None} for one in calls_of(branch)]

    answers = [
        ask(client, branch, "find_bookings"),
        ask(client, branch, "find_bookings", {"call_id": "call_c"}),
        ask(client, branch, "find_bookings", call_id="call_c"),
        door.call(client, key, "find_bookings", door.call_headers("call_c")),
        door.call(client, key, "find_bookings"),
    ]

    assert {one["code"] for one in answers} == {"not_permitted", "invalid_input"}
    assert customer.name not in str(answers)
    assert [vars(one) | {"_state": None} for one in calls_of(branch)] == before


@pytest.mark.parametrize("tool", CALLERS)
def test_a3_a_tool_makes_the_call_from_its_own_request(client, branch, tool):
    by_function = ask(client, branch, tool, call_of(branch, "call_a"))
    key, headers = door.key_for(branch), door.call_headers("call_b", number_of(branch))
    by_mcp = door.call(client, key, tool, headers)

    assert by_function["say"]
    assert by_mcp["say"]
    assert [
        (one.call_id, one.from_number, one.to_number, one.status)
        for one in calls_of(branch)
    ] == [
        ("call_a", CALLER, number_of(branch), "started"),
        ("call_b", "", number_of(branch), "started"),
    ]


WITHHELD = ["anonymous", "Anonymous", "", None, "unknown", "restricted", "+0", "0"]


@pytest.mark.parametrize("withheld", WITHHELD, ids=repr)
def test_a4_a_caller_may_hide_the_number(client, branch, withheld):
    factories.make_customer(company=branch.company, phone=CALLER)
    call = call_of(branch, from_number=withheld)
    key = door.key_for(branch)
    headers = door.call_headers(
        "call_b", number_of(branch), **{"X-AskPro-From": str(withheld or "")}
    )

    for question in (
        lambda tool, **sent: ask(client, branch, tool, call, **sent),
        lambda tool, **sent: door.call(client, key, tool, headers, **sent),
    ):
        assert question("list_services")["code"] == "ok"
        assert question("get_customer_info")["data"]["is_known"] is False
        assert question("request_callback")["data"]["field"] == "phone"
        noted = question("request_callback", telefonnummer="030 23125042")
        assert noted["code"] == "ok"

    assert [one.from_number for one in calls_of(branch)] == ["", ""]
    with scope(branch.company_id):
        assert {one.phone for one in Callback.objects.all()} == {CALLER}


ARGUMENTS = {
    "datum": "am blauen Tag",
    "dienstleistung": "Rasur",
    "telefonnummer": "030 23125042",
    "name": "Erika Beispiel",
    "phrase": "übermorgen um 14 Uhr 30",
}


def shapes(tool, call):
    """Yield the name in the address and the body, in each way that was seen."""
    yield "", {"call": call, "name": tool, "args": ARGUMENTS}
    yield "", {"call": call, "name": tool, "args": json.dumps(ARGUMENTS)}
    yield "", {"call": call, "function_name": tool, "parameters": ARGUMENTS}
    yield "", {"call": call, "function_name": tool, "parameters": json.dumps(ARGUMENTS)}
    yield "", {"call": call, "tool": tool, "arguments": ARGUMENTS}
    yield "", {"call": call, "tool": tool, "arguments": json.dumps(ARGUMENTS)}
    yield tool, {"call": call, "name": tool, "args": ARGUMENTS}
    yield tool, {"call": call, **ARGUMENTS}
    yield f"{tool}_v17", {"call": call, "args": ARGUMENTS}
    # Arguments alone: the call is one that goes on, by its exact id.
    yield tool, {"call_id": call["call_id"], **ARGUMENTS}


@pytest.mark.parametrize("tool", CALLERS)
def test_a5_every_tool_understands_every_shape_alike(client, branch, tool):
    seen = []
    for number, (name, body) in enumerate(shapes(tool, call_of(branch, "call_0"))):
        call_id = f"call_{number}"
        ask(client, branch, "get_current_context", call_of(branch, call_id))
        raw = json.dumps(body).replace("call_0", call_id)
        answer = post(client, branch, json.loads(raw), tool=name).json()
        answer["data"].pop("callback_id", None)
        answer["data"].pop("now", None)
        answer["data"].pop("correlation_id", None)
        seen.append(answer)

    assert len(seen) == 10
    assert all(one == seen[0] for one in seen), seen
    with scope(branch.company_id):
        rows = [row.arguments for row in ToolCall.objects.order_by("at")[1::2]]
    kept = [
        {name: row[name] for name in sorted(row) if name != "call_id"} for row in rows
    ]
    assert len(kept) == 10
    assert all(one == kept[0] for one in kept), kept


UNKNOWN = ["book", "create_booking2", "", "buche_termin_v3", "webhook_health", "v17"]


@pytest.mark.parametrize("tool", UNKNOWN)
def test_a6_an_unknown_tool_is_never_a_success(client, branch, tool):
    call = call_of(branch)
    for _, body in list(shapes(tool, call))[:6]:
        answer = post(client, branch, body).json()
        assert (answer["success"], answer["code"]) == (False, "invalid_input")
        assert "gebucht" not in answer["say"]
    body = door.message("tools/call", name=tool, arguments=ARGUMENTS)
    refused = door.post(client, door.key_for(branch), body)

    assert refused.json()["error"]["code"] == -32602
    assert calls_of(branch) == []


@pytest.mark.parametrize("suffix", ["_v17", "-v2", "_v1"])
def test_a6_versions_are_stripped_at_both_doors(client, branch, suffix):
    name = f"list_services{suffix}"
    headers = door.call_headers("call_b", number_of(branch))

    assert ask(client, branch, name, call_of(branch))["code"] == "ok"
    by_mcp = door.call(client, door.key_for(branch), name, headers)
    assert by_mcp["code"] == "ok"


@pytest.mark.parametrize(
    ("name", "alias"),
    [(name, alias) for name, aliases in ALIASES for alias in aliases.split()],
)
def test_a7_every_alias_is_understood_at_both_doors(client, branch, name, alias):
    sent = {alias: "nein", "execution_message": "Moment", "foo": 1}
    headers = door.call_headers("call_b", number_of(branch))

    ask(client, branch, "create_booking", call_of(branch), **sent)
    door.call(client, door.key_for(branch), "create_booking", headers, **sent)

    with scope(branch.company_id):
        rows = list(ToolCall.objects.order_by("at"))
    assert [list(row.arguments) for row in rows] == [[name], [name]]
    assert [row.unknown_arguments for row in rows] == [2, 2]


@pytest.fixture
def broken_tool():
    @register
    class Broken(Tool):
        """A tool with a mistake in it."""

        name = "broken_for_a_test"
        title = title_de = "Broken"
        description = description_de = "Fails."
        hints = READS

        def run(self, caller, wanted):
            raise KeyError("SELECT secret FROM somewhere")

    yield Broken.name
    del registry._tools[Broken.name]


def test_a8_a_mistake_of_ours_is_a_sentence_and_no_error(client, branch, broken_tool):
    headers = door.call_headers("call_b", number_of(branch))

    by_function = post(
        client, branch, {"name": broken_tool, "call": call_of(branch), "args": {}}
    )
    by_mcp = door.post(
        client,
        door.key_for(branch),
        door.message("tools/call", name=broken_tool, arguments={}),
        **headers,
    )

    assert (by_function.status_code, by_mcp.status_code) == (200, 200)
    result = by_mcp.json()["result"]
    assert result["isError"] is True
    for answer in (by_function.json(), result["structuredContent"]):
        assert (answer["success"], answer["code"]) == (False, "internal")
        assert "Telefonnummer" in answer["say"] or "Rückruf" in answer["say"]
        assert "SELECT" not in str(answer)


@pytest.mark.parametrize("has_ring_id", [True, False])
def test_a9_one_call_is_one_record_whatever_comes_first(client, branch, has_ring_id):
    ring = call_of(branch)
    if not has_ring_id:
        del ring["call_id"]
    answered = tell(client, branch, "call_inbound", ring).json()["call_inbound"]
    given = answered["metadata"]["correlation_id"]
    call = call_of(branch, metadata={"correlation_id": given})
    headers = door.call_headers(
        "call_a", number_of(branch), **{"X-Correlation-ID": given}
    )
    key = door.key_for(branch)

    door.call(client, key, "list_services", headers)
    ask(client, branch, "list_services", call)
    tell(client, branch, "call_started", call)
    door.call(client, key, "list_services", headers)
    tell(client, branch, "call_ended", call)

    (made,) = calls_of(branch)
    assert (made.call_id, made.correlation_id, made.status, made.from_number) == (
        "call_a", given, "ended", CALLER,
    )  # fmt: skip
    with every_company():
        assert {one.state for one in WebhookLog.objects.all()} == {"done"}
        assert {one.call_row_id for one in ToolCall.objects.all()} == {made.pk}
