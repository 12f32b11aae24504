"""A booking's own share, beside an empty task's way to a worker and back."""

from __future__ import annotations

import itertools
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from django.db import connections

from askpro.bench.figures import Check, Part, Spread, Target
from askpro.bench.load import Plan
from askpro.bench.stage import COMPANIES, KEY, OWNER, PROVIDER_S, Stage, tool_request

CALLERS = (1, 16, 64)
REMARK = (
    "each in a calendar of its own, all at once; the provider books in 300 ms, which"
    " bookings include"
)
BOOK, ROUND_TRIP = "create_booking", "bare Celery round trip"
REPEATS = {1: 8, 16: 2, 64: 1}


def measure(stage: Stage, *, rounds: int, seconds: float) -> Part:
    """Measure both, one after another in each round."""
    part = Part("Bookings", REMARK)
    size = {"workers": 2, "threads": 64}
    bare, web = stage.counterpart("bare", **size), stage.web("web", **size)
    stage.processes.launch(
        "live", [sys.executable, "-m", "askpro.bench.worker", str(COMPANIES)]
    )
    stage.processes.start("beat", "beat")
    with stage.only("bare", "web", "beat", "live"):
        trip = Plan(bare, [("/round-trip", "{}")], 16, count=64)
        stage.run(trip)
        run, before, number = uuid4().hex[:8], stage.asked(), 0
        for callers, _ in itertools.product(CALLERS, range(rounds)):
            for _ in range(REPEATS[callers]):
                number += 1
                _offer(stage, web, run, number, callers)
                plan = Plan(web, _wishes(run, number, callers), callers, KEY)
                plan.count = callers
                series = part.of(BOOK, callers)
                part.codes.update(stage.measure(series, plan, server="web").codes)
                trip.callers = trip.count = callers
                series = part.of(ROUND_TRIP, callers)
                stage.measure(series, trip, server="bare")
        part.checks = [part.no_failures(), *_rows(stage, part, run, before["bookings"])]
    part.targets = [_target(part, callers) for callers in CALLERS]
    return part


def _call(run: str, number: int, position: int) -> str:
    return f"book_{run}_{number}_{position}"


def _offer(stage: Stage, web: int, run: str, number: int, callers: int) -> None:
    """Have times offered and held, as the call goes before it books."""
    date = (datetime.now(UTC).date() + timedelta(days=2 + number % 40)).isoformat()
    asked = [
        tool_request(
            "check_availability", _call(run, number, position), position, date=date
        )
        for position in range(callers)
    ]
    stage.run(Plan(web, asked, callers, KEY, count=callers))


def _wishes(run: str, number: int, callers: int) -> list[tuple[str, str]]:
    return [
        tool_request(
            "create_booking",
            _call(run, number, position),
            position,
            offer_id="T1",
            name="Erika Beispiel",
        )
        for position in range(callers)
    ]


def _wait_for_rest(run: str) -> None:
    """Wait until what was told "pending" is settled too, at most a minute."""
    give_up = time.monotonic() + 60
    with connections[OWNER].cursor() as cursor:
        while time.monotonic() < give_up:
            cursor.execute(
                "SELECT count(*) FROM bookings_appointment a"
                " JOIN bookings_call c ON c.id = a.call_id"
                " WHERE c.call_id LIKE %s AND a.intent IS NOT NULL",
                [f"book_{run}%"],
            )
            if cursor.fetchone() == (0,):
                return
            time.sleep(0.2)


def _rows(stage: Stage, part: Part, run: str, before: int) -> list[Check]:
    booked = part.codes["booked"]
    _wait_for_rest(run)
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT a.calcom_uid) FROM bookings_appointment a"
            " JOIN bookings_call c ON c.id = a.call_id"
            " WHERE c.call_id LIKE %s AND a.state = 'booked'",
            [f"book_{run}%"],
        )
        stored, distinct = cursor.fetchone()
    at_provider = stage.asked()["bookings"] - before
    pending = part.codes["pending"]
    detail = (
        f"{booked} heard 'booked', {pending} 'noted', {stored} rows,"
        f" {at_provider} at the provider"
    )
    odd = {
        code: n for code, n in part.codes.items() if code not in ("booked", "pending")
    }
    is_equal = booked + pending == stored == distinct == at_provider
    return [
        Check("Bookings: each is booked once", is_equal, detail),
        Check("Bookings: nobody hears anything else", not odd, f"others: {odd}"),
    ]


def _target(part: Part, callers: int) -> Target:
    book, trip = part.of(BOOK, callers), part.of(ROUND_TRIP, callers)
    own = Spread.of(book.p50s).median - PROVIDER_S * 1000
    p99 = Spread.of(book.p99s).median - PROVIDER_S * 1000
    bare = Spread.of(trip.p50s).median
    part.notes.append(
        f"own share of a booking at {callers}: p50 {own:.1f} ms, p99 {p99:.1f} ms"
        f" (round trip: p50 {bare:.1f}, p99 {Spread.of(trip.p99s).median:.1f} ms)"
    )
    return Target(f"own share against a round trip at {callers}", own / bare, 1.5, True)
