"""Servers die and hang while callers wait: answered in time, nothing lost or doubled.

These tests stop and kill the servers of their own run, so they run apart from all
others (``make proof``).
"""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from askpro import embedded
from bookings.models import Appointment, Call
from tenants.scoping import every_company, scope
from tests.flows.test_book import begin, first_offer, ours
from tests.system import back_again, eventually
from tests.webhooks.test_doors import event, post
from webhooks.models import WebhookLog

pytestmark = pytest.mark.proof

#: What a caller, and a provider, may wait.
PROMISED_MS = 2000


@contextmanager
def hanging(server: str) -> Iterator[None]:
    """Let a server hang: it accepts connections and never answers."""
    pid = embedded.pids(embedded.var_folder())[server]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def kill(server: str) -> None:
    pid = embedded.pids(embedded.var_folder())[server]
    os.kill(pid, signal.SIGKILL)
    eventually(
        lambda: embedded.pids(embedded.var_folder()).get(server) not in (pid, None)
    )


def asked(caller, tool, **arguments):
    """Use a tool; return its answer, which must have come in time."""
    answer = caller.tool(tool, **arguments)
    step = caller.steps[-1]
    assert step.status == 200
    assert step.duration_ms < PROMISED_MS, step
    return answer


def booked_once(system, branch):
    with scope(branch.company_id):
        eventually(
            lambda: [one.state for one in Appointment.objects.all()] == ["booked"],
            within_s=120,
        )
        assert Appointment.objects.get().intent is None
    assert len(ours(system)) == 1


def processed(count):
    def states():
        with every_company():
            return list(WebhookLog.objects.values_list("state", flat=True))

    eventually(lambda: states() == ["done"] * count, within_s=60)


def test_a_worker_killed_in_the_middle_of_a_booking_books_once(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    system.fault("POST /v2/bookings", "delay_after", 5, times=1)

    told = asked(caller, "create_booking", offer_id=offer["offer_id"], name="Kai Knall")
    eventually(lambda: ours(system))
    system.kill("live")
    system.start("live")

    assert told["code"] == "pending"
    booked_once(system, salon)


def test_a_hanging_redis_delays_no_delivery_and_loses_none(system, salon):
    bodies = [event() for _ in range(5)]

    with hanging("redis"):
        replies = [post(system, body) for body in bodies + bodies]

    assert {reply.status for reply in replies} == {204}
    assert max(reply.duration_ms for reply in replies) < PROMISED_MS
    processed(5)
    with scope(salon.company_id):
        assert Call.objects.count() == 5


def test_a_hanging_redis_delays_no_answer_and_loses_no_booking(system, salon):
    caller = begin(system)
    offer = first_offer(caller)

    with hanging("redis"):
        heard = asked(caller, "check_availability", date=offer["local"][:10])
        told = asked(
            caller,
            "create_booking",
            offer_id=heard["data"]["offers"][0]["offer_id"],
            name="Hanna Halt",
        )

    assert heard["success"] is True
    assert told["code"] == "pending"
    booked_once(system, salon)


def test_a_redis_that_died_is_only_missed(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    kill("redis")

    reply = post(system, event())
    asked(caller, "create_booking", offer_id=offer["offer_id"], name="Tina Tot")

    assert reply.status == 204
    assert reply.duration_ms < PROMISED_MS
    booked_once(system, salon)


def test_a_restarted_postgresql_is_answered_for_and_loses_nothing(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    restart = threading.Thread(
        target=embedded.restart_postgres, args=[embedded.var_folder()]
    )
    body = event(call_id=f"call_{uuid.uuid4().hex}")
    restart.start()

    told = asked(
        caller, "create_booking", offer_id=offer["offer_id"], name="Paul Pause"
    )
    replies = [post(system, body)]
    while not 200 <= replies[-1].status < 300:
        assert len(replies) < 60
        time.sleep(0.5)
        replies.append(post(system, body))
    restart.join()
    back_again()
    if told["code"] not in ("booked", "pending"):
        # The sentence was an apology; the agent tries again.
        eventually(
            lambda: caller.tool(
                "create_booking", offer_id=offer["offer_id"], name="Paul Pause"
            )["success"]
        )

    assert told["say"]
    assert max(reply.duration_ms for reply in replies) < PROMISED_MS
    booked_once(system, salon)
    eventually(
        lambda: _states(body["call"]["call_id"]) == ["done"],
        within_s=60,
    )


def _states(call_id):
    with every_company():
        found = WebhookLog.objects.filter(call_id=call_id)
        return list(found.values_list("state", flat=True))
