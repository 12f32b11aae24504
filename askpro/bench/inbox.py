"""From receipt to processed: how long a delivery takes until it is in our rows."""

from __future__ import annotations

import itertools
import sys
import time
from uuid import uuid4

from django.db import connections

from askpro.bench import doors
from askpro.bench.figures import Check, Part, Spread, percentile
from askpro.bench.load import SERIAL, Plan
from askpro.bench.stage import KEY, OWNER, Stage

CALLERS = (1, 16, 64)
REMARK = (
    "6 KB deliveries of one number, each of a call of its own; the time runs from the"
    " stored row to its end, by the database's clock"
)
ROUND_TRIP = "bare Celery round trip"
#: Each caller sends so many.
EACH = 8
_TIMES = """
SELECT extract(epoch FROM finished_at - received_at) * 1000 FROM webhooks_webhooklog
WHERE call_id LIKE %s AND state = 'done'
"""


def measure(stage: Stage, *, rounds: int, seconds: float) -> Part:
    """Measure deliveries and bare messages in turns."""
    part = Part("From receipt to processed", REMARK)
    size = {"workers": 2, "threads": 4}
    bare, web = stage.counterpart("bare", **size), stage.web("web", **size)
    stage.processes.start("inbox", "worker", "--queues", "inbox,background")
    stage.processes.start("beat", "beat")
    stage.processes.launch("live", [sys.executable, "-m", "askpro.bench.worker", "64"])
    taken: dict[int, list[list[float]]] = {callers: [] for callers in CALLERS}
    sent = 0
    with stage.only("bare", "web", "beat", "inbox", "live"):
        trip = Plan(bare, [("/round-trip", "{}")], 16, count=64)
        stage.run(trip)
        for callers, turn in itertools.product(CALLERS, range(rounds + 1)):
            count = callers * EACH
            times = _processed(stage, web, callers, count)
            trip.callers = trip.count = callers
            if turn:  # the first round warms the worker
                taken[callers].append(times)
                sent += count
                stage.measure(part.of(ROUND_TRIP, callers), trip, server="bare")
    done = sum(len(times) for rounds_ in taken.values() for times in rounds_)
    detail = f"{sent} sent, {done} processed"
    part.checks = [part.no_failures(), Check("all are processed", sent == done, detail)]
    part.notes = [_note(part, callers, taken[callers]) for callers in CALLERS]
    return part


def _processed(stage: Stage, port: int, callers: int, count: int) -> list[float]:
    """Send deliveries; return how long each took until its end, in ms."""
    run = uuid4().hex[:8]
    body = doors.body(f"{run}{SERIAL}")
    stage.run(Plan(port, [("/api/webhooks/retell", body)], callers, KEY, count=count))
    give_up = time.monotonic() + 60
    while True:
        with connections[OWNER].cursor() as cursor:
            cursor.execute(_TIMES, [f"{run}%"])
            times = [float(row[0]) for row in cursor.fetchall()]
        if len(times) == count or time.monotonic() > give_up:
            return times
        time.sleep(0.05)


def _note(part: Part, callers: int, rounds: list[list[float]]) -> str:
    """Tell the times, beside an empty message's way to a worker and back."""
    p50 = Spread.of([percentile(times, 50) for times in rounds])
    p99 = Spread.of([percentile(times, 99) for times in rounds])
    ratio = p50.median / Spread.of(part.of(ROUND_TRIP, callers).p50s).median
    return (
        f"receipt to processed, {callers * EACH} sent by {callers}:"
        f" p50 {p50.text()} ms, p99 {p99.text()} ms; the p50 is {ratio:.1f} of a"
        " round trip's"
    )
