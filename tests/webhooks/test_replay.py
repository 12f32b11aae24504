"""What failed is worked on again: chosen, paced, tried without effect first."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from itertools import pairwise

import pytest
from django.core.management import CommandError, call_command

from bookings.models import Call, Occupancy
from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from tests import factories as make
from tests.flows.test_book import begin, first_offer
from tests.system import SALON_NUMBER, eventually
from tests.webhooks.test_doors import event
from webhooks import dry_run, replay
from webhooks.models import WebhookBody, WebhookLog

NOW = datetime.now(UTC)


@pytest.fixture
def branch():
    branch = make.make_branch(company=make.make_company("salon"))
    make.make_number(branch=branch, number=SALON_NUMBER)
    return branch


@pytest.fixture
def account():
    with every_company():
        return ProviderAccount.objects.create(
            provider="retell", base_url="http://127.0.0.1", webhook_secret="a key"
        )


def kept(account, number=0, *, name="call_ended", **more):
    body = event(name, **more.pop("call", {}))
    values = {"state": "dead", "received_at": NOW - timedelta(hours=number)} | more
    with every_company():
        log = WebhookLog.objects.create(
            account=account,
            provider="retell",
            event=name,
            external_key=number.to_bytes(32),
            call_id=body["call"]["call_id"],
            correlation_id=body["call"]["call_id"],
            share=SALON_NUMBER,
            **values,
        )
        WebhookBody.objects.create(log=log, raw=json.dumps(body).encode())
    return log


def command(*arguments):
    out = StringIO()
    call_command("webhooks_retry_failed", *arguments, "--json", stdout=out)
    return json.loads(out.getvalue())


def rows():
    """Return everything that a handler may write."""
    with every_company():
        return [list(model.objects.values()) for model in (Call, Occupancy, WebhookLog)]


@pytest.mark.django_db
def test_a_dry_run_shows_the_rows_and_leaves_none(account, branch):
    log = kept(account)
    before = rows()

    run = dry_run.of(log.pk)

    (change,) = run.changes
    assert (change.table, change.before) == ("bookings_call", None)
    assert change.columns["status"] == [None, "ended"]
    assert run.company_id == branch.company_id
    assert rows() == before


@pytest.mark.django_db
def test_a_dry_run_tells_old_and_new_and_what_would_go(account, branch):
    log = kept(account)
    service = make.make_service(branch=branch)
    call = make.make_call(
        branch=branch, account=account, call_id=log.call_id, status="started"
    )
    offer = make.make_offer(call=call, service=service)
    appointment = make.make_appointment(branch=branch, service=service)
    hold = make.make_occupancy(
        appointment=appointment, offer=offer, purpose="hold", appointment_id=None
    )
    before = rows()

    run = dry_run.of(log.pk)

    by_table = {change.table: change for change in run.changes}
    assert by_table["bookings_call"].columns["status"] == ["started", "ended"]
    assert by_table["bookings_occupancy"].id == str(hold.pk)
    assert by_table["bookings_occupancy"].after is None
    assert rows() == before


@pytest.mark.django_db
def test_a_dry_run_says_why_a_delivery_would_fail_again(account):
    log = kept(account)

    run = dry_run.of(log.pk)

    assert "Unresolved" in run.error
    assert run.changes == ()


@pytest.mark.django_db
def test_the_command_chooses(account, branch):
    fresh = kept(account, 1)
    old = kept(account, 30)
    other = kept(account, 2, name="call_analyzed", state="unresolved")
    done = kept(account, 3, state="done")

    def chosen(*arguments):
        return {run["id"] for run in command(*arguments, "--dry-run")["runs"]}

    def ids(*logs):
        return {str(log.pk) for log in logs}

    assert chosen() == ids(fresh, old, other)
    assert chosen("--event", "call_ended") == ids(fresh, old)
    assert chosen("--since", "6h") == ids(fresh, other)
    assert chosen("--limit", "1") == ids(old)
    assert chosen("--id", str(done.pk)) == ids(done)
    assert chosen("--state", "unresolved") == ids(other)
    assert chosen("--provider", "calcom") == set()
    with pytest.raises(CommandError, match="--since"):
        command("--since", "yesterday")


@pytest.mark.django_db
def test_replays_are_spread_and_keep_their_order(account, branch):
    logs = [kept(account, number) for number in (3, 2, 1)]

    assert command() == {"deliveries": 3, "dry_run": False}

    with every_company():
        due = [
            WebhookLog.objects.get(pk=log.pk).next_try_at.timestamp() for log in logs
        ]
    gaps = [later - earlier for earlier, later in pairwise(due)]
    assert gaps == [pytest.approx(1 / replay.PER_S, abs=0.001)] * 2


@pytest.mark.django_db
def test_what_is_being_worked_on_is_left_alone(account, branch):
    log = kept(account, state="processing")

    with every_company():
        assert replay.start([log.pk]) == 0


def test_c7_a_replay_has_the_same_id_and_no_second_effect(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    caller.tool("create_booking", offer_id=offer["offer_id"], name="Erika Beispiel")
    caller.hang_up()

    def done(count):
        with every_company():
            logs = list(WebhookLog.objects.filter(provider="retell"))
        return len(logs) == count and {log.state for log in logs} == {"done"} and logs

    logs = eventually(lambda: done(4))
    with scope(salon.company_id):
        before = list(Call.objects.values())
    ids = {log.pk: log.correlation_id for log in logs}

    with every_company():
        assert replay.start(list(ids)) == 4
    again = eventually(lambda: done(4))

    assert {log.pk: log.correlation_id for log in again} == ids
    with scope(salon.company_id):
        assert list(Call.objects.values()) == before
    assert len(system.bookings()) == 1
