"""The webhook doors while servers are away, and under the same delivery at once.

What was not kept is never acknowledged; what was kept is never kept twice. The servers
are this run's own: ``make proof``.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext

import psycopg
import pytest

from askpro import embedded
from bookings.models import Call
from integrations.sandbox import wire
from tenants import redis
from tenants.scoping import every_company, scope
from tests.faults.test_faults import PROMISED_MS, hanging, kill
from tests.system import System, back_again, eventually
from tests.webhooks.test_doors import event, post
from webhooks.models import WebhookAttempt, WebhookLog

pytestmark = pytest.mark.proof

CONNECTIONS = 64


@contextmanager
def postgresql_away(system: System) -> Iterator[None]:
    """Shut PostgreSQL down, and let nobody start it again until the end."""
    var = embedded.var_folder()
    found = embedded.pids(var)
    os.kill(found["supervisor"], signal.SIGSTOP)
    try:
        os.kill(found["postgres"], signal.SIGINT)
        eventually(_is_away)
        yield
    finally:
        os.kill(found["supervisor"], signal.SIGCONT)
        everybody_back(system)


def everybody_back(system: System) -> None:
    """Wait until this test, and the sandbox for the next one, reach the server."""
    back_again()
    faults = f"{system.sandbox_url}/_sandbox/faults"
    eventually(lambda: wire.send("DELETE", faults).is_success)


def _is_away() -> bool:
    try:
        psycopg.connect(os.environ["DATABASE_URL"], connect_timeout=5).close()
    except psycopg.OperationalError:
        return True
    return False


def ring():
    called = event()["call"]
    return {"event": "call_inbound", "call_inbound": called}


def kept() -> Counter[tuple[str, str]]:
    """Return how often each call's events are kept."""
    with every_company():
        return Counter(WebhookLog.objects.values_list("call_id", "event"))


def name_of(body) -> tuple[str, str]:
    return (body.get("call") or body["call_inbound"])["call_id"], body["event"]


def done(count: int) -> None:
    """Wait until so many deliveries were worked on, each of them once."""

    def states() -> bool:
        with every_company():
            found = list(WebhookLog.objects.values_list("state", flat=True))
        return found == ["done"] * count

    eventually(states, within_s=60)
    with every_company():
        assert WebhookAttempt.objects.filter(outcome="done").count() == count


@pytest.fixture(autouse=True)
def _nobody_dies(running_system) -> Iterator[None]:
    """No process may end because a server did."""
    yield
    running = running_system.processes.running
    assert [name for name, one in running.items() if one.poll() is not None] == []


def test_workers_outlive_a_broker_that_dies_while_they_work(system, salon):
    for _ in range(3):
        with postgresql_away(system):
            time.sleep(2)  # the sweep waits for a connection: its message is unanswered
            os.kill(embedded.pids(embedded.var_folder())["redis"], signal.SIGKILL)
            time.sleep(2)

    assert _until_taken(system, [event()])
    done(1)


@pytest.mark.parametrize("redis_is", ["well", "empty", "hanging", "dead"])
def test_without_postgresql_nothing_is_acknowledged_but_what_is_kept(
    system, salon, redis_is
):
    known, fresh = event(), [event(), event("call_ended"), ring()]
    # Repeats come in: from now on Redis is asked, too.
    assert [post(system, known).status for _ in range(3)] == [204] * 3
    done(1)

    with hanging("redis") if redis_is == "hanging" else nullcontext():
        if redis_is == "empty":
            redis.ask(lambda client: client.flushdb(), otherwise=False)
        elif redis_is == "dead":
            kill("redis")
        with postgresql_away(system):
            refused = [post(system, body) for body in fresh for _ in range(2)]
            repeated = post(system, known)
            forged = post(system, fresh[0], key="a guess")
        replies = _until_taken(system, fresh)

    for reply in refused:
        assert (reply.status, reply.headers["retry-after"]) == (503, "5"), reply
        assert "database is away" in reply.json()["detail"]
        assert reply.duration_ms < PROMISED_MS
    assert repeated.status in (204, 503)  # it is kept: either word is true
    assert forged.status == 401
    assert {reply.status for reply in replies} <= {200, 204}
    done(4)
    assert kept() == Counter(map(name_of, [known, *fresh]))


def _until_taken(system, bodies):
    """Send each as a provider does, until it is taken, and then once again."""
    replies = []
    for body in bodies:
        replies.append(
            eventually(lambda body=body: (r := post(system, body)).is_success and r)
        )
        replies.append(post(system, body))
    return replies


def test_postgresql_gone_between_proof_and_row_is_503(system, salon):
    """The doors' connections die while deliveries come: refused, or there for good."""
    bodies = [event() for _ in range(150)]
    is_over = threading.Event()

    def cut() -> None:
        url = embedded.superuser_url(embedded.var_folder())
        with psycopg.connect(url, autocommit=True) as superuser:
            while not is_over.is_set():
                superuser.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE '%INSERT INTO webhooks_webhookbody%'"
                    " AND pid <> pg_backend_pid()"
                )
                time.sleep(0.002)

    cutter = threading.Thread(target=cut)
    cutter.start()
    try:
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(lambda body: post(system, body), bodies))
    finally:
        is_over.set()
        cutter.join()
    everybody_back(system)

    said = dict(zip(map(name_of, bodies), (one.status for one in replies), strict=True))
    assert set(said.values()) <= {204, 503}
    there = kept()
    assert set(there.values()) <= {1}
    assert {name for name, status in said.items() if status == 204} <= set(there)
    for body in bodies:
        assert eventually(lambda body=body: post(system, body).status == 204)
    assert kept() == Counter(map(name_of, bodies))
    done(len(bodies))


@pytest.mark.parametrize("redis_is", ["well", "hanging"])
def test_the_same_delivery_on_64_connections_at_once_is_one(system, salon, redis_is):
    """One row, one effect, and every connection hears that it is kept."""
    call_id = f"call_{uuid.uuid4().hex}"
    bodies = [
        event(call_id=call_id),
        event("call_ended", call_id=call_id, transcript="Agent: Guten Tag"),
        event("call_analyzed", call_id=call_id, call_analysis={"call_summary": "Ja"}),
    ]
    barrier = threading.Barrier(CONNECTIONS)

    def send(body):
        barrier.wait()
        return post(system, body)

    with hanging("redis") if redis_is == "hanging" else nullcontext():
        for body in bodies:
            with ThreadPoolExecutor(CONNECTIONS) as pool:
                replies = list(pool.map(send, [body] * CONNECTIONS))
            assert Counter(one.status for one in replies) == {204: CONNECTIONS}

    done(len(bodies))
    assert kept() == Counter(map(name_of, bodies))
    with scope(salon.company_id):
        (call,) = Call.objects.all()
    assert (call.call_id, call.status, call.summary) == (call_id, "analyzed", "Ja")
