"""Leases on deliveries: kept while a batch is worked on, never taken for ever."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from tenants.models import ProviderAccount
from tenants.scoping import every_company
from webhooks import claims, processing, replay, tasks
from webhooks.models import WebhookAttempt, WebhookBody, WebhookLog

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def delivery(number=0, *, event="call_levitated", **more):
    account, _ = ProviderAccount.objects.get_or_create(
        company=None, provider="retell", defaults={"webhook_secret": "a key"}
    )
    values = {"state": "received", "next_try_at": LONG_AGO, "attempts": 0} | more
    log = WebhookLog.objects.create(
        account=account,
        provider="retell",
        event=event,
        external_key=number.to_bytes(32),
        received_at=LONG_AGO + timedelta(seconds=number),
        **values,
    )
    WebhookBody.objects.create(log=log, raw=b'{"event": "x"}')
    return log


def test_a_delivery_that_ends_its_worker_each_time_is_given_up():
    with every_company():
        log = delivery(state="processing", attempts=3, leased_until=LONG_AGO)

    tasks.process()

    with every_company():
        log.refresh_from_db()
        (attempt,) = WebhookAttempt.objects.all()
    assert (log.state, log.leased_until) == ("dead", None)
    assert (attempt.outcome, attempt.number) == ("failed", 4)
    assert "worker" in log.last_error


def test_the_leases_of_a_batch_are_kept_while_it_is_worked_on():
    with every_company():
        first, second = delivery(1), delivery(2)
    batch = claims.claim()
    assert [one[0] for one in batch] == [first.pk, second.pk]
    with every_company():
        WebhookLog.objects.update(leased_until=datetime.now(UTC) + timedelta(seconds=1))

    processing.work_on(batch)

    with every_company():
        assert set(WebhookLog.objects.values_list("state", "attempts")) == {
            ("ignored", 1)
        }


def test_a_delivery_that_another_worker_has_by_now_is_left_to_it():
    with every_company():
        log = delivery()
    (mine,) = claims.claim()
    with every_company():
        WebhookLog.objects.update(attempts=2)

    processing.work(*mine)

    with every_company():
        log.refresh_from_db()
        assert not WebhookAttempt.objects.exists()
    assert (log.state, log.attempts) == ("processing", 2)


def test_keys_that_nobody_can_read_stop_no_delivery(caplog):
    from django.db import connection

    with every_company():
        log = delivery()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tenants_provideraccount SET api_key = 'no token'")

    with caplog.at_level(logging.ERROR):
        tasks.process()

    with every_company():
        log.refresh_from_db()
    assert log.state == "ignored"
    assert not caplog.records


def test_what_is_past_its_retention_is_not_worked_on_again():
    with every_company():
        kept, forgotten = delivery(1, state="dead"), delivery(2, state="dead")
        WebhookBody.objects.filter(log=forgotten).delete()

        assert replay.start([kept.pk, forgotten.pk]) == 1
        forgotten.refresh_from_db()
    assert forgotten.state == "dead"
