"""Which webhook secret is in use: told by the deliveries, written by a worker."""

from __future__ import annotations

import hmac
import json
import time
from uuid import uuid4

import pytest

from integrations.retell import signatures
from integrations.sandbox import wire
from tenants import accounts, uses
from tenants.models import ProviderAccount
from tenants.scoping import every_company
from tests.factories import make_account, make_company
from tests.system import eventually
from webhooks.models import WebhookLog

pytestmark = pytest.mark.django_db


def body():
    return json.dumps(
        {"event": "call_started", "call": {"call_id": uuid4().hex}}
    ).encode()


def retell_headers(raw, secret):
    now_ms = time.time_ns() // 1_000_000
    return {"X-Retell-Signature": signatures.sign(raw, secret, now_ms=now_ms)}


def calcom_headers(raw, secret):
    digest = hmac.digest(secret.encode(), raw, "sha256").hex()
    return {"X-Cal-Signature-256": digest}


@pytest.mark.parametrize(
    ("provider", "headers"), [("retell", retell_headers), ("calcom", calcom_headers)]
)
def test_a_delivery_notes_the_secret_that_signed_it(system, provider, headers):
    account = make_account(
        company=make_company(),
        provider=provider,
        webhook_secret=f"new-{uuid4()}",
        webhook_secret_previous=f"old-{uuid4()}",
    )
    other = make_account(company=make_company(), provider=provider)
    url = f"{system.web_url}/api/webhooks/{provider}/{account.endpoint}"

    def deliver(secret):
        raw = body()
        return wire.send("POST", url, raw, headers=headers(raw, secret)).status

    assert deliver("wrong") == 401
    assert deliver(account.webhook_secret_previous) == 204

    assert eventually(lambda: row(account).secret_previous_used_at)
    assert row(account).secret_used_at is None
    assert deliver(account.webhook_secret) == 204
    assert eventually(lambda: row(account).secret_used_at)
    assert row(other).secret_used_at is None


def row(account):
    with every_company():
        return ProviderAccount.objects.get(pk=account.pk)


def test_a_refused_delivery_notes_nothing(client):
    account = make_account(company=make_company(), provider="retell")
    uses._noted.clear()
    raw = body()

    answer = client.post(
        f"/api/webhooks/retell/{account.endpoint}",
        raw,
        "application/json",
        headers=retell_headers(raw, "wrong"),
    )

    assert answer.status_code == 401
    assert len(uses._noted) == 0
    with every_company():
        assert not WebhookLog.objects.exists()


def test_noting_costs_the_door_no_statement(client, django_assert_num_queries):
    account = make_account(company=make_company(), provider="retell")
    accounts.keys_of("retell", account.endpoint)
    uses._noted.clear()
    url = f"/api/webhooks/retell/{account.endpoint}"

    for _ in range(2):
        raw = body()
        headers = retell_headers(raw, account.webhook_secret)
        with django_assert_num_queries(0):
            answer = client.post(url, raw, "application/json", headers=headers)
        assert answer.status_code == 204

    assert len(uses._noted) == 1
