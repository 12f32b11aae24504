"""Whose turn it is: shares, calls, suspects and pauses."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from tenants.models import ProviderAccount
from tenants.scoping import every_company
from tests import factories as make
from tests.system import eventually
from webhooks import claims
from webhooks.models import WebhookBody, WebhookLog, WebhookPause

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOISY, QUIET = "+493011111111", "+493022222222"


@pytest.fixture
def account():
    with every_company():
        return ProviderAccount.objects.create(
            provider="retell", base_url="http://127.0.0.1", webhook_secret="a key"
        )


def deliver(account, number, *, share=NOISY, **more):
    values = {"state": "received", "next_try_at": LONG_AGO, "event": "x"} | more
    with every_company():
        log = WebhookLog.objects.create(
            account=account,
            provider=account.provider,
            external_key=number.to_bytes(32),
            received_at=LONG_AGO + timedelta(seconds=number),
            share=share,
            **values,
        )
        WebhookBody.objects.create(log=log, raw=b"{}")
    return log


def claimed():
    return [pk for pk, _ in claims.claim()]


def test_a_noisy_number_lets_the_others_have_their_turn(account):
    noisy = [deliver(account, number) for number in range(60)]
    late = deliver(account, 99, share=QUIET)

    first = claimed()

    assert len(first) == claims.BATCH
    assert late.pk in first
    assert first[0] == noisy[0].pk
    assert set(first) - {late.pk} == {log.pk for log in noisy[: claims.BATCH - 1]}


def test_alone_a_number_gets_all_the_time_there_is(account):
    noisy = [deliver(account, number) for number in range(30)]

    assert claimed() == [log.pk for log in noisy[:20]]
    assert claimed() == [log.pk for log in noisy[20:]]
    assert claimed() == []


def test_what_belongs_to_one_call_waits_for_the_worker_that_has_the_call(account):
    soon = datetime.now(UTC) + timedelta(seconds=60)
    deliver(account, 1, call_id="call_1", state="processing", leased_until=soon)
    deliver(account, 2, call_id="call_1")
    other = deliver(account, 3, call_id="call_2")

    assert claimed() == [other.pk]

    with every_company():
        WebhookLog.objects.filter(external_key=(1).to_bytes(32)).update(state="done")
    assert len(claimed()) == 1


def test_a_claim_that_waited_for_another_takes_nothing_of_it(account):
    log = deliver(account, 1)
    found: list[list[Any]] = []
    late = threading.Thread(target=lambda: found.append(claimed()))
    with every_company(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [claims.CLAIM_LOCK])
        late.start()
        eventually(_is_somebody_waiting)
        cursor.execute(
            "UPDATE webhooks_webhooklog SET state = 'processing',"
            " leased_until = clock_timestamp() + %s * interval '1 s' WHERE id = %s",
            [claims.LEASE_S, log.pk],
        )

    late.join()

    assert found == [[]]


def _is_somebody_waiting() -> bool:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        row = owner.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s"
            " AND NOT granted",
            [claims.CLAIM_LOCK],
        ).fetchone()
    return bool(row and row[0])


@pytest.mark.parametrize("call_id", ["", "call_1"])
def test_a_lease_of_a_clock_that_was_put_back_holds_nobody_up(account, call_id):
    leased = {"state": "processing", "call_id": call_id}
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    log = deliver(account, 1, leased_until=tomorrow, **leased)

    assert claimed() == [log.pk]


def test_a_call_that_waits_for_its_next_try_holds_nothing_back(account):
    soon = datetime.now(UTC) + timedelta(seconds=60)
    deliver(account, 1, call_id="call_1", state="retrying", next_try_at=soon)
    later = deliver(account, 2, call_id="call_1")

    assert claimed() == [later.pk]


def test_what_ended_its_worker_is_tried_alone(account):
    for number in range(3):
        deliver(account, number, state="processing", leased_until=LONG_AGO, attempts=1)
    fresh = deliver(account, 9)

    alone = [claimed() for _ in range(3)]

    assert [len(batch) for batch in alone] == [1, 1, 1]
    assert claimed() == [fresh.pk]


def test_a_paused_provider_account_or_company_waits_in_order(account):
    branch = make.make_branch(company=make.make_company())
    number = make.make_number(branch=branch, number=QUIET)
    mine = [deliver(account, one, share=number.number) for one in (1, 2)]
    other = deliver(account, 3)
    with every_company():
        pause = WebhookPause.objects.create(company=branch.company, why="moving")

    assert claimed() == [other.pk]
    with every_company():
        assert not claims.is_anything_late()
        WebhookPause.objects.filter(pk=pause.pk).update(resumed_at=datetime.now(UTC))
        assert claims.is_anything_late()
    assert claimed() == [log.pk for log in mine]


@pytest.mark.parametrize("by", ["provider", "account"])
def test_a_pause_names_a_provider_or_an_account(account, by):
    log = deliver(account, 1)
    named = {"provider": "retell"} if by == "provider" else {"account": account}
    with every_company():
        WebhookPause.objects.create(why="down", **named)
    assert claimed() == []

    with every_company():
        WebhookPause.objects.update(resumed_at=datetime.now(UTC))
    assert claimed() == [log.pk]


def test_the_turns_are_found_by_the_index(account):
    from django.db import connection

    with every_company(), connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            values = {"providers": [], "accounts": [], "shares": [], "batch": 20}
            cursor.execute("EXPLAIN " + claims._TURNS, values)
            plan = "\n".join(line for (line,) in cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan")

    assert plan.count("delivery_due_of_share") >= 2, plan
    assert "Seq Scan" not in plan
