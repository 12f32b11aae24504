"""Bodies that nobody sends on purpose: signed well, and odd inside."""

from __future__ import annotations

import socket

import pytest

from bookings.models import Call
from integrations.models import ToolCall
from integrations.sandbox import wire
from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from tests.system import SALON_NUMBER
from tests.webhooks.test_doors import done, event, logs, post

FUNCTIONS = "/api/mcp/retell/functions"


def question(**more):
    call = {"call_id": "call_odd", "to_number": SALON_NUMBER, "call_status": "ongoing"}
    return {"name": "check_availability", "call": call, "args": {}} | more


def test_nul_in_a_delivery_is_left_out(system, salon):
    body = event(
        call_id="call_\0x", transcript="Guten\0 Tag", disconnection_reason="\0"
    )

    assert post(system, body).status == 204

    (log,) = done()
    assert (log.state, log.call_id) == ("done", "call_x")
    with scope(salon.company_id):
        assert Call.objects.get().transcript == "Guten Tag"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (question(args={"name": "Ma\0x", "date": "mor\0gen"}), FUNCTIONS),
        (question(args='{"date": "mor\\u0000gen"}'), FUNCTIONS),
        (question(name="no\0body"), FUNCTIONS),
        (question(), f"{FUNCTIONS}/no%00body"),
        (question(name={"deep": [[]]}), FUNCTIONS),
        (question(name=7, args={"date": 7, "time": [], "service": {}}), FUNCTIONS),
        (question(call={"call_id": "call_odd", "to_number": {}}), FUNCTIONS),
        (question(args={f"key{n}": n for n in range(40_000)}), FUNCTIONS),
    ],
)
def test_an_odd_question_is_answered_and_kept(system, salon, body, path):
    reply = post(system, body, path=path)

    assert reply.status == 200
    assert reply.json()["say"]
    with every_company():
        assert ToolCall.objects.count() == 1


def test_a_deeply_nested_question_is_answered_and_kept(system, salon):
    deep = b"[" * 1000 + b"]" * 1000
    call = wire.compact(question()["call"])
    for raw in (
        b'{"name": "check_availability", "call": %s, "args": {"date": %s}}',
        b'{"name": "check_availability", "call": %s, "args": {"odd": %s}}',
    ):
        reply = post(system, raw % (call, deep), path=FUNCTIONS)
        assert (reply.status, bool(reply.json()["say"])) == (200, True)

    with every_company():
        assert ToolCall.objects.count() == 2


def test_arguments_are_masked_under_every_name(system, salon):
    sent = {"customer_name": "Erika Muster", "telefonnummer": "+493023125042"}
    sent |= {"kunde": {"name": "Erika Muster"}, "notiz": "Erika Muster"}

    for name in ("check_availability", "no_such_tool"):
        post(system, question(name=name, args=sent), path=FUNCTIONS)
    unknown = question()["call"] | {"to_number": "+493099999999"}
    post(system, question(args=sent, call=unknown), path=FUNCTIONS)

    with every_company():
        kept = [str(one.arguments) for one in ToolCall.objects.all()]
    assert len(kept) == 3
    assert not [one for one in kept if "Erika" in one or "3023125042" in one]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/webhooks/retell", FUNCTIONS])
def test_a_huge_body_is_413_and_leaves_no_trace(client, path):
    with every_company():
        ProviderAccount.objects.create(provider="retell", webhook_secret="a key")
    raw = b'{"event": "' + b"x" * (6 * 1024 * 1024) + b'"}'

    reply = client.post(path, raw, content_type="application/json")

    assert reply.status_code == 413
    assert logs() == []


@pytest.mark.parametrize("path", ["/api/webhooks/retell", FUNCTIONS])
def test_what_the_other_side_accepts_does_not_matter(system, salon, path):
    body = question(event="call_levitated")

    reply = post(system, body, path=path, Accept="text/event-stream")

    assert reply.status in (200, 204)


def test_absurd_times_say_nothing(system, salon):
    body = event(start_timestamp="0001-01-01T00:00:00+14:00", end_timestamp=-5)

    post(system, body)

    assert [log.state for log in done()] == ["done"]
    with scope(salon.company_id):
        call = Call.objects.get()
    assert (call.started_at, call.ended_at) == (None, None)


def test_the_same_bytes_to_another_account_are_another_delivery(system, salon):
    with every_company():
        account = ProviderAccount.objects.create(
            company=salon.company,
            provider="retell",
            base_url="http://127.0.0.1",
            webhook_secret="key of the salon",
        )
    body = event()

    post(system, body)
    done()
    own = f"/api/webhooks/retell/{account.endpoint}"
    post(system, body, path=own, key="key of the salon")

    assert [log.state for log in done(2)] == ["done", "done"]
    with scope(salon.company_id):
        calls = Call.objects.all()
        assert len({call.correlation_id for call in calls}) == len(calls) == 2


def test_a_call_whose_numbers_the_provider_hides_stays_the_same_call(system, salon):
    call_id = "call_hidden"
    post(system, event(call_id=call_id))
    done()
    hidden = {"call_id": call_id, "call_status": "ongoing"}

    told = post(
        system, question(name="get_current_context", call=hidden), path=FUNCTIONS
    )
    post(system, {"event": "call_ended", "call": hidden})

    assert told.json()["success"]
    assert [log.state for log in done(2)] == ["done", "done"]
    with scope(salon.company_id):
        call = Call.objects.get()
    assert (call.status, call.to_number) == ("ended", SALON_NUMBER)


def test_hidden_numbers_of_an_unknown_call_are_guessed_by_nobody(system, salon):
    post(system, event(call_id="call_other"))
    done()
    hidden = {"call_id": "call_never_seen", "call_status": "ongoing"}

    told = post(
        system, question(name="get_current_context", call=hidden), path=FUNCTIONS
    )
    post(system, {"event": "call_ended", "call": hidden})

    assert told.json()["code"] == "not_permitted"
    assert [log.state for log in done(2)] == ["done", "unresolved"]


@pytest.mark.parametrize("path", ["/api/webhooks/calcom", "/api/webhooks/retell"])
def test_a_signature_of_odd_bytes_is_401(system, salon, path):
    host, port = system.web_url.removeprefix("http://").split(":")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n"
        "Connection: close\r\n"
    ).encode()
    for name in (b"X-Cal-Signature-256", b"X-Retell-Signature"):
        with socket.create_connection((host, int(port)), timeout=5) as line:
            line.sendall(head + name + b": \xff\xfe\r\n\r\n{}")
            said = line.recv(100)
        assert said.split(b" ")[1] == b"401"
