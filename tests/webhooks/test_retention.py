"""Words go when their time is over; rows stay, and younger ones are left alone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bookings.models import Call
from integrations.models import ToolCall
from tenants.models import Branch, Company, ProviderAccount
from tenants.scoping import every_company
from webhooks import retention
from webhooks.models import WebhookBody, WebhookLog

pytestmark = pytest.mark.django_db


@pytest.fixture
def branch():
    with every_company():
        company = Company.objects.create(name="Salon", slug="salon", retention_days=5)
        yield Branch.objects.create(company=company, slug="mitte", name="Mitte")


def make(branch, *, days_ago):
    at = timezone.now() - timedelta(days=days_ago)
    account, _ = ProviderAccount.objects.get_or_create(
        provider="retell", defaults={"base_url": "http://127.0.0.1"}
    )
    log = WebhookLog.objects.create(
        account=account,
        provider="retell",
        event="call_ended",
        external_key=bytes([days_ago]) * 32,
        received_at=at,
        state="done",
    )
    WebhookBody.objects.create(log=log, raw=b"{}")
    call = Call.objects.create(
        company=branch.company,
        branch=branch,
        correlation_id=f"call_{days_ago}",
        transcript="Agent: Guten Tag",
        summary="Termin",
    )
    Call.objects.filter(pk=call.pk).update(rang_at=at)
    ToolCall.objects.create(
        company=branch.company,
        door="function",
        tool="create_booking",
        answer={"say": "Guten Tag"},
        code="ok",
        is_success=True,
        at=at,
        duration_ms=1,
    )


def test_what_is_old_enough_is_forgotten(branch, settings):
    settings.PAYLOAD_RETENTION_DAYS = 10
    for days_ago in (1, 7, 20):
        make(branch, days_ago=days_ago)

    retention.expire()

    assert WebhookLog.objects.count() == 3
    assert WebhookBody.objects.count() == 2
    assert [call.transcript for call in Call.objects.order_by("-rang_at")] == [
        "Agent: Guten Tag",
        "",
        "",
    ]
    assert ToolCall.objects.earliest("at").answer == {}
    assert ToolCall.objects.exclude(answer={}).count() == 2


@pytest.mark.parametrize("state", ["received", "processing", "retrying"])
def test_what_is_still_to_be_worked_on_keeps_its_bytes(branch, settings, state):
    settings.PAYLOAD_RETENTION_DAYS = 10
    make(branch, days_ago=20)
    WebhookLog.objects.update(state=state)

    retention.expire()
    kept = WebhookBody.objects.count()
    WebhookLog.objects.update(state="dead")
    retention.expire()

    assert kept == 1
    assert not WebhookBody.objects.exists()


def test_it_takes_small_batches(branch, settings, monkeypatch):
    settings.PAYLOAD_RETENTION_DAYS = 10
    monkeypatch.setattr(retention, "BATCH", 2)
    for days_ago in range(20, 25):
        make(branch, days_ago=days_ago)

    assert retention._expire_bodies() == 2
    retention.expire()

    assert not WebhookBody.objects.exists()
