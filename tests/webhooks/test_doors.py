"""Deliveries come in: genuine ones are kept once, all else leaves no trace."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid

import pytest

from bookings.models import Call, Occupancy
from integrations.sandbox import wire
from integrations.sandbox.caller import Habits
from tenants.models import PhoneNumber, ProviderAccount
from tenants.scoping import every_company, scope
from tests.system import SALON_NUMBER, eventually
from webhooks import replay
from webhooks.models import WebhookAttempt, WebhookBody, WebhookLog


def event(name="call_started", **more):
    call = {
        "call_id": f"call_{uuid.uuid4().hex}",
        "call_type": "phone_call",
        "agent_id": "agent_of_the_salon",
        "call_status": "ongoing",
        "direction": "inbound",
        "from_number": "+493023125042",
        "to_number": SALON_NUMBER,
        "start_timestamp": int(time.time() * 1000),
    }
    return {"event": name, "call": call | more}


def post(system, body, *, key=None, path="/api/webhooks/retell", **headers):
    raw = body if isinstance(body, bytes) else wire.compact(body)
    key = system.sandbox["retell"]["webhook_key"] if key is None else key
    signature = wire.signature(raw, key, int(time.time() * 1000))
    sent = {"X-Retell-Signature": signature, "Content-Type": "application/json"}
    return wire.send("POST", system.web_url + path, raw, headers=sent | headers)


def logs():
    with every_company():
        return list(WebhookLog.objects.order_by("received_at"))


def done(count=1):
    def finished():
        states = [log.state for log in logs()]
        settled = {"done", "ignored", "unresolved", "dead"}
        return len(states) == count and set(states) <= settled and logs()

    return eventually(finished)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Retell-Signature": ""},
        {"X-Retell-Signature": "v=1,d=" + "0" * 64},
        {"X-Retell-Signature": f"v={int(time.time() * 1000)},d={'0' * 64}"},
    ],
)
@pytest.mark.parametrize("path", ["/api/webhooks/retell", "/api/mcp/retell/functions"])
def test_a_missing_or_wrong_signature_is_401_and_leaves_no_trace(
    system, salon, headers, path
):
    reply = post(system, event(), path=path, **headers)

    assert reply.status == 401
    assert logs() == []


def test_bytes_changed_after_signing_are_refused(system, salon):
    raw = wire.compact(event(transcript="Grüße"))
    signature = wire.signature(
        raw, system.sandbox["retell"]["webhook_key"], int(time.time() * 1000)
    )
    again = json.dumps(json.loads(raw)).encode()

    reply = wire.send(
        "POST",
        f"{system.web_url}/api/webhooks/retell",
        again,
        headers={"X-Retell-Signature": signature},
    )

    assert reply.status == 401
    assert logs() == []


@pytest.mark.parametrize("path", ["/api/webhooks/retell", "/api/mcp/retell/functions"])
@pytest.mark.parametrize("raw", [b"{", b"", b"[]", b'"text"', b"\xff\xfe"])
def test_what_is_no_json_object_is_400(system, salon, path, raw):
    assert post(system, raw, path=path).status == 400
    assert logs() == []


def test_a_delivery_is_kept_as_it_came_and_worked_on(system, salon):
    body = event(transcript="Grüße aus Köln")

    reply = post(system, body)

    assert reply.status == 204
    (log,) = done()
    assert (log.state, log.event, log.attempts) == ("done", "call_started", 1)
    assert log.company_id == salon.company_id
    assert log.correlation_id == body["call"]["call_id"]
    with scope(salon.company_id):
        assert bytes(WebhookBody.objects.get().raw) == wire.compact(body)
        assert [one.outcome for one in WebhookAttempt.objects.all()] == ["done"]
        call = Call.objects.get()
    assert (call.status, call.from_number) == ("started", "+493023125042")


def test_the_same_bytes_again_are_kept_once(system, salon):
    body = event()

    replies = [post(system, body).status for _ in range(4)]

    assert replies == [204] * 4
    assert len(done()) == 1


@pytest.mark.parametrize(
    "order",
    [
        lambda started, halfway, ended, analyzed: (analyzed, ended, halfway, started),
        lambda started, halfway, ended, analyzed: (halfway, analyzed, started, ended),
        lambda started, halfway, ended, analyzed: (ended, started, analyzed, halfway),
    ],
)
def test_every_order_of_events_ends_in_the_same_call(system, salon, order):
    call_id = f"call_{uuid.uuid4().hex}"
    began = int(time.time() * 1000) - 60_000
    started = event(call_id=call_id, start_timestamp=began)
    ended = event(
        "call_ended",
        call_id=call_id,
        start_timestamp=began,
        end_timestamp=began + 50_000,
        transcript="Agent: Guten Tag",
        disconnection_reason="user_hangup",
    )
    analyzed = event(
        "call_analyzed",
        call_id=call_id,
        from_number=None,
        start_timestamp=began,
        call_analysis={"call_summary": "Termin", "custom_analysis_data": []},
    )

    halfway = event(
        "transcript_updated",
        call_id=call_id,
        start_timestamp=began,
        transcript="Agent: Guten",
    )

    for count, body in enumerate(order(started, halfway, ended, analyzed), start=1):
        assert post(system, body).status == 204
        done(count)

    with scope(salon.company_id):
        call = Call.objects.get()
    assert call.status == "analyzed"
    assert call.summary == "Termin"
    assert call.transcript == "Agent: Guten Tag"
    assert call.from_number == "+493023125042"
    assert (call.ended_at - call.started_at).total_seconds() == 50


def test_an_event_that_nobody_knows_is_kept_and_ignored(system, salon):
    assert post(system, event("call_levitated")).status == 204

    (log,) = done()
    assert log.state == "ignored"


def test_an_unknown_number_is_unresolved_until_it_is_configured(system, salon):
    body = event(to_number="+493083793377")

    post(system, body)
    (log,) = done()

    assert (log.state, log.company_id) == ("unresolved", None)
    with scope(salon.company_id):
        assert not WebhookLog.objects.exists()
        assert not Call.objects.exists()
        PhoneNumber.objects.create(
            company_id=salon.company_id, branch=salon, number="+493083793377"
        )
    with every_company():
        assert replay.start([log.pk]) == 1
    eventually(lambda: logs()[0].state == "done")
    with scope(salon.company_id):
        assert Call.objects.get().correlation_id == body["call"]["call_id"]


def test_a_replay_doubles_nothing(system, salon):
    post(system, event())
    (log,) = done()

    with every_company():
        assert replay.start([log.pk]) == 1
        eventually(lambda: WebhookAttempt.objects.count() == 2)
    with scope(salon.company_id):
        assert Call.objects.count() == 1


def test_the_own_key_of_a_company_reaches_its_own_numbers_alone(system, salon):
    from tests import salons

    other = salons.make(system, slug="werkstatt", number="+493083793370")
    with every_company():
        account = ProviderAccount.objects.create(
            company=other.company,
            provider="retell",
            base_url="http://127.0.0.1",
            webhook_secret="key of the garage",
        )
    path = f"/api/webhooks/retell/{account.endpoint}"

    assert post(system, event(), path=path, key="key of the garage").status == 204
    assert post(system, event(), path=path).status == 401

    (log,) = done()
    assert (log.state, log.company_id) == ("unresolved", None)
    with scope(salon.company_id):
        assert not Call.objects.exists()


def test_a_ring_is_answered_with_agent_and_facts_as_texts(system, salon):
    caller = system.caller(habits=Habits(has_ring_id=False))

    answer = caller.ring()

    assert answer["override_agent_id"] == "agent_of_the_salon"
    assert answer["metadata"]["correlation_id"].startswith("inb_")
    assert all(isinstance(one, str) for one in answer["dynamic_variables"].values())
    assert answer["dynamic_variables"]["askpro_company"] == "Salon"


def test_a_call_without_an_id_at_the_ring_stays_one_call(system, salon):
    caller = system.caller(habits=Habits(has_ring_id=False))
    caller.ring()
    caller.start()
    caller.tool("get_current_context")
    caller.hang_up()

    def analyzed():
        with scope(salon.company_id):
            return [call for call in Call.objects.all() if call.status == "analyzed"]

    (call,) = eventually(analyzed)
    assert call.call_id == caller.call_id
    assert call.correlation_id == caller.correlation_id
    assert {log.correlation_id for log in done(4)} == {call.correlation_id}


def test_a_ring_for_an_unknown_number_changes_nothing(system, salon):
    assert system.caller(to_number="+493099999999").ring() == {}


def test_what_was_held_is_free_again_when_the_call_ends(system, salon):
    from tests.flows.test_book import begin, workday

    caller = begin(system)
    caller.tool("check_availability", date=workday())
    with scope(salon.company_id):
        assert Occupancy.objects.exists()

    caller.hang_up()

    with scope(salon.company_id):
        eventually(lambda: not Occupancy.objects.exists())


def test_calcom_events_are_verified_with_the_companys_own_secret(system, salon):
    with scope(salon.company_id):
        account = ProviderAccount.objects.get(company=salon.company_id)
    url = f"{system.web_url}/api/webhooks/calcom/{account.endpoint}"
    raw = wire.compact({"triggerEvent": "PING", "payload": {}})
    good = hmac.new(b"calcom secret of salon", raw, hashlib.sha256).hexdigest()

    statuses = [
        wire.send("POST", url, raw, headers={"X-Cal-Signature-256": said}).status
        for said in (good, "0" * 64, "no-secret-provided")
    ]

    assert statuses == [204, 401, 401]
    (log,) = done()
    assert log.state == "ignored"


@pytest.mark.parametrize("path", ["/api/webhooks/health", "/healthz", "/readyz"])
def test_health_tells_nothing_but_a_word(system, path):
    reply = wire.send("GET", system.web_url + path)

    assert (reply.status, reply.json()) == (200, {"status": "ok"})


def test_an_address_that_does_not_exist_is_a_plain_404(system):
    reply = wire.send("POST", f"{system.web_url}/api/webhooks/nobody", b"{}")

    assert reply.status == 404
