"""What fails is tried again where that may help, then shown, then replayed."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from itertools import pairwise

from integrations.sandbox import wire
from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from tests.flows.test_change import booked
from tests.system import eventually
from webhooks import replay
from webhooks.models import WebhookAttempt, WebhookLog


def deliver(system, account):
    """Send an event of the booking that was made; the worker must ask Cal.com."""
    uid = next(
        one["uid"]
        for one in system.bookings()
        if one["metadata"].get("askpro_appointment")
    )
    raw = wire.compact(
        {
            "triggerEvent": "BOOKING_CREATED",
            "createdAt": uuid.uuid4().hex,
            "payload": {"uid": uid, "status": "ACCEPTED"},
        }
    )
    signature = hmac.new(b"calcom secret of salon", raw, hashlib.sha256).hexdigest()
    url = f"{system.web_url}/api/webhooks/calcom/{account.endpoint}"
    reply = wire.send("POST", url, raw, headers={"X-Cal-Signature-256": signature})
    assert reply.status == 204


def dead_letter():
    """Return the delivery that nobody tries any more, and its tries."""
    with every_company():
        dead = eventually(
            lambda: WebhookLog.objects.filter(provider="calcom", state="dead").first(),
            within_s=60,
        )
        return dead, list(WebhookAttempt.objects.filter(log=dead).order_by("number"))


def replayed(dead):
    with every_company():
        assert replay.start([dead.pk]) == 1
        eventually(lambda: WebhookLog.objects.get(pk=dead.pk).state == "done")


def test_three_tries_then_dead_then_replayed_after_the_cause_is_gone(system, salon):
    booked(system)
    with scope(salon.company_id):
        account = ProviderAccount.objects.get(company=salon.company_id)
    system.fault("* /v2/*", "status", 503)

    deliver(system, account)

    dead, tries = dead_letter()
    assert [one.outcome for one in tries] == ["failed"] * 3
    assert dead.reason == "later"
    pauses = [
        (later.started_at - earlier.started_at).total_seconds()
        for earlier, later in pairwise(tries)
    ]
    assert pauses[1] > 2 * pauses[0]

    system.control("DELETE", "faults")
    replayed(dead)


def test_a_wrong_key_is_told_at_once_and_needs_a_person(system, salon):
    booked(system)
    with scope(salon.company_id):
        account = ProviderAccount.objects.get(company=salon.company_id)
        right, account.api_key = account.api_key, "cal_wrong"
        account.save()

    deliver(system, account)

    dead, tries = dead_letter()
    assert [one.outcome for one in tries] == ["failed"]
    assert dead.reason == "person"
    assert "401" in dead.last_error
    assert "cal_wrong" not in dead.last_error

    with scope(salon.company_id):
        account.api_key = right
        account.save()
    replayed(dead)
