"""Minutes become days and days months; the sums stay what they were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenants.scoping import every_company
from tests import factories as make
from webhooks import retention, rollup
from webhooks.models import WebhookCount

pytestmark = pytest.mark.django_db
FIELDS = (
    *("received", "duplicates", "processed", "failed"),
    *("failed_never", "failed_later", "failed_person"),
)


def midnight(days_ago):
    now = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return now - timedelta(days=days_ago)


def sums():
    with every_company():
        rows = list(WebhookCount.objects.all())
    totals = {name: sum(getattr(row, name) for row in rows) for name in FIELDS}
    buckets = [sum(column) for column in zip(*(r.acknowledged for r in rows))]  # noqa: B905
    return totals, buckets


@pytest.fixture
def account():
    return make.make_account(company=make.make_company("salon"), provider="retell")


def test_old_minutes_become_days_and_old_days_months(account, monkeypatch):
    monkeypatch.setattr(rollup, "BATCH", 7)
    numbers = dict.fromkeys(FIELDS, 1) | {"received": 3}
    for days_ago in (1, 20, 21, 500, 501):
        for minute in range(4):
            make.make_count(
                account=account,
                company=account.company,
                at=midnight(days_ago) + timedelta(minutes=minute),
                acknowledged=[1, 0, 0, 0, 0, 0, 0, 2],
                **numbers,
            )
    before = sums()

    retention.expire()

    assert sums() == before
    with every_company():
        times = sorted(WebhookCount.objects.values_list("at", flat=True))
        assert rollup.roll_up() == 0
    months = {midnight(days).replace(day=1) for days in (500, 501)}
    minutes = [midnight(1) + timedelta(minutes=minute) for minute in range(4)]
    assert times == [*sorted(months), midnight(21), midnight(20), *minutes]


def test_events_and_accounts_stay_apart(account):
    other = make.make_account(company=make.make_company("werkstatt"), provider="retell")
    for one in (account, other):
        for event in ("call_started", "call_ended"):
            for minute in (1, 2):
                make.make_count(
                    account=one,
                    company=one.company,
                    event=event,
                    at=midnight(30) + timedelta(minutes=minute),
                )

    retention.expire()

    with every_company():
        found = set(WebhookCount.objects.values_list("account", "company", "event"))
        assert WebhookCount.objects.count() == 4
    assert len(found) == 4
    assert {company for _, company, _ in found} == {
        account.company_id,
        other.company_id,
    }
