"""What came is counted once, whichever process saw it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tenants.models import ProviderAccount
from tenants.scoping import every_company
from tests.system import eventually
from tests.webhooks.test_doors import event, post
from webhooks import counts
from webhooks.models import WebhookCount

pytestmark = pytest.mark.django_db


def counted():
    with every_company():
        rows = list(WebhookCount.objects.all())
    return {
        name: sum(getattr(row, name) for row in rows)
        for name in ("received", "duplicates", "processed", "failed")
    } | {"acknowledged": sum(sum(row.acknowledged) for row in rows)}


def test_new_ones_repeats_and_ends_are_counted(system, salon):
    body = event()
    for _ in range(3):
        assert post(system, body).status == 204

    eventually(
        lambda: (
            counted()
            == {
                "received": 3,
                "duplicates": 2,
                "processed": 1,
                "failed": 0,
                "acknowledged": 3,
            }
        )
    )


def test_a_second_process_adds_to_the_same_minute():
    with every_company():
        account = ProviderAccount.objects.create(
            provider="retell", base_url="http://127.0.0.1"
        )
    for ms in (4.0, 5.0, 5.1, 2000.0):
        counts.received(account.pk, None, "call_started", is_new=True, ms=ms)
        counts.flush(is_last=True)
    counts.settled(account.pk, None, "call_started", failed_for="later")
    counts.flush(is_last=True)

    with every_company():
        rows = list(WebhookCount.objects.order_by("at"))
    assert len(rows) <= 2, "the minute may have changed meanwhile"
    totals = [sum(column) for column in zip(*(row.acknowledged for row in rows))]  # noqa: B905
    assert totals == [2, 1, 0, 0, 0, 0, 0, 1]
    assert (sum(row.received for row in rows), sum(row.failed for row in rows)) == (
        4,
        1,
    )


def test_an_account_that_is_gone_takes_no_others_counts_with_it():
    with every_company():
        account = ProviderAccount.objects.create(
            provider="retell", base_url="http://127.0.0.1"
        )
    for pk in (account.pk, uuid4()):
        counts.received(pk, None, "call_started", is_new=True, ms=1.0)

    counts.flush(is_last=True)

    with every_company():
        assert [row.received for row in WebhookCount.objects.all()] == [1]
