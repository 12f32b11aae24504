"""Deliveries by the thousand while handlers, processes and servers fail.

The processes and servers are this run's own and are killed here: ``make proof``.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

import pytest
from django.core.management import call_command

from askpro import embedded
from tenants import redis
from tests.chaos import calls
from tests.faults.test_faults import hanging, kill
from tests.system import System, back_again, eventually

pytestmark = pytest.mark.proof

CALLS, KILLS = 1_000, 12


@pytest.fixture
def faulty(system):
    """The system with a worker of which one handler in twenty fails."""
    system.restart("background", DJANGO_SETTINGS_MODULE="tests.chaos.settings")
    yield system
    system.restart("background")


def _all_told(system: System, company_id, told: list[calls.Told], within_s: float):
    """Wait for all; what was given up after three tries is replayed by command."""
    found = calls.settled(len(told) * 5, within_s=within_s)
    if found["dead"]:
        call_command("webhooks_retry_failed", limit=1000)
        after = calls.settled(len(told) * 5, within_s=120)
        _say(f"given up and replayed: {found['dead']}, then {dict(after)}")
    calls.assert_told_once(company_id, told)
    return found


def _say(text: str) -> None:
    """Print the counts, whatever pytest captures."""
    assert sys.__stdout__ is not None
    sys.__stdout__.write(f"\n{text}\n")


def test_ten_thousand_deliveries_shuffled_doubled_and_with_faults(faulty, salon):
    told = [calls.Told.make(number) for number in range(CALLS)]
    bodies = calls.shuffled(told)
    assert len(bodies) == 10 * CALLS

    refused = calls.send(faulty, bodies)

    found = _all_told(faulty, salon.company_id, told, within_s=500)
    _say(
        f"{len(bodies)} deliveries of {CALLS} calls, {refused} sent again,"
        f" kept {sum(found.values())}: {dict(found)}; none lost, none doubled"
    )


@pytest.mark.parametrize("ahead_s", [3600, -3600])
def test_a_worker_whose_clock_is_an_hour_wrong(system, salon, ahead_s):
    told = [calls.Told.make(number) for number in range(200)]
    system.restart(
        "background",
        DJANGO_SETTINGS_MODULE="tests.chaos.settings",
        CHAOS_CLOCK_AHEAD_S=str(ahead_s),
    )
    try:
        calls.send(system, calls.shuffled(told))
        found = _all_told(system, salon.company_id, told, within_s=240)
        _say(f"a clock {ahead_s} s ahead: {dict(found)}")
    finally:
        system.restart("background")


def test_processes_killed_at_random_under_load(system, salon):
    told = [calls.Told.make(number) for number in range(300)]
    killed = []

    def disturb() -> None:
        for _ in range(KILLS):
            time.sleep(random.uniform(0.2, 1.5))
            name = random.choice(("web", "background", "beat"))
            system.kill(name)
            killed.append(name)
            system.start(name)

    refused = calls.send(system, calls.shuffled(told), disturb)

    found = _all_told(system, salon.company_id, told, within_s=240)
    _say(f"killed {killed}; {refused} sent again; {dict(found)}")
    assert len(killed) == KILLS


def test_redis_emptied_stopped_and_killed_under_load(system, salon):
    told = [calls.Told.make(number) for number in range(200)]

    def disturb() -> None:
        for _ in range(5):
            redis.ask(lambda client: client.flushdb(), otherwise=False)
            time.sleep(0.3)
        with hanging("redis"):
            time.sleep(5)
        kill("redis")

    refused = calls.send(system, calls.shuffled(told), disturb)

    _all_told(system, salon.company_id, told, within_s=240)
    _say(f"Redis emptied, stopped, killed: {refused} sent again")


def test_a_broker_away_for_a_minute_delays_and_loses_nothing(system, salon):
    told = [calls.Told.make(number) for number in range(100)]

    with hanging("redis"):
        begun = time.monotonic()
        refused = calls.send(system, calls.shuffled(told))
        time.sleep(max(0.0, 60 - (time.monotonic() - begun)))

    _all_told(system, salon.company_id, told, within_s=240)
    _say(f"the broker away for a minute: {refused} sent again")


def test_postgresql_restarted_under_load(system, salon):
    told = [calls.Told.make(number) for number in range(200)]

    def disturb() -> None:
        time.sleep(0.5)
        for stop in (embedded.restart_postgres, _crash):
            stop(embedded.var_folder())
            time.sleep(1)

    refused = calls.send(system, calls.shuffled(told), disturb)
    back_again()

    _all_told(system, salon.company_id, told, within_s=240)
    _say(f"PostgreSQL restarted and killed: {refused} sent again")


def _crash(folder) -> None:
    pid = embedded.pids(folder)["postgres"]
    os.kill(pid, signal.SIGQUIT)  # at once: what was not committed is gone
    eventually(lambda: embedded.pids(folder).get("postgres") not in (pid, None))
