"""A tool call's own share: what comes on top of the provider's time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import orjson
from django.db import connections

from askpro.bench.figures import Check, Part, Spread, Target
from askpro.bench.load import SERIAL, Plan
from askpro.bench.stage import (
    AGENT,
    COMPANIES,
    KEY,
    OWNER,
    PROVIDER_S,
    Stage,
    number_of,
    tool_request,
)

CALLERS = (1, 16, 64)
REMARK = (
    "2 processes of 64 threads; the provider answers after 300 ms; misses and the"
    " bare wait include them"
)
MISS, CACHED, WAIT = "check, asks provider", "check, remembered", "bare view waiting"
RING, SELECT = "call_inbound", "bare view, one SELECT"
EACH = {1: 8, 16: 4, 64: 3}
IDENTICAL = 50


def measure(stage: Stage, *, rounds: int, seconds: float) -> Part:
    """Measure all candidates, one after another in each round."""
    part = Part("Tool calls", REMARK)
    size = {"workers": 2, "threads": 64}
    bare, web = stage.counterpart("bare", **size), stage.web("web", **size)
    with stage.only("bare", "web"):
        run = uuid4().hex[:8]
        asked_anew = misses(run)
        cached = Plan(web, [next(asked_anew) for _ in range(COMPANIES)], COMPANIES, KEY)
        cached.count = 2 * COMPANIES
        stage.run(cached)
        ring = Plan(web, [ring_request(run)], 1, KEY)
        wait, select = (
            Plan(bare, [("/wait", "{}")], 1),
            Plan(bare, [("/select", "")], 1),
        )
        for callers, _ in itertools.product(CALLERS, range(rounds)):
            count = callers * EACH[callers]
            asked = [next(asked_anew) for _ in range(count)]
            miss = Plan(web, asked, callers, KEY, count=count)
            wait.count = count
            for name, plan, server in (
                (MISS, miss, "web"),
                (WAIT, wait, "bare"),
                (CACHED, cached, "web"),
                (RING, ring, "web"),
                (SELECT, select, "bare"),
            ):
                plan.callers = callers
                if name in (CACHED, RING, SELECT):
                    plan.count, plan.seconds = 0, seconds / 2
                result = stage.measure(part.of(name, callers), plan, server=server)
                part.codes.update(result.codes)
        part.checks = [part.no_failures(), _codes(part), _rows(part, run)]
        _single_flight(stage, part, web, run)
    part.targets += _targets(part)
    return part


def misses(run: str) -> Iterator[tuple[str, str]]:
    """Yield questions that nobody asked before: another company or another day."""
    today = datetime.now(UTC).date()
    for days, position in itertools.product(range(1, 60), range(COMPANIES)):
        date = (today + timedelta(days=days)).isoformat()
        call_id = f"call_{run}_{position}"
        yield tool_request("check_availability", call_id, position, date=date)


def ring_request(run: str) -> tuple[str, str]:
    ring = {
        "call_id": f"ring_{run}_{SERIAL}",
        "agent_id": AGENT,
        "from_number": "+491705500000",
        "to_number": number_of(0),
    }
    body = {"event": "call_inbound", "call_inbound": ring}
    return "/api/webhooks/retell", orjson.dumps(body).decode()


def _single_flight(stage: Stage, part: Part, web: int, run: str) -> None:
    """Ask the same of one company in fifty calls at once."""
    date = (datetime.now(UTC).date() + timedelta(days=59)).isoformat()
    same = [
        tool_request("check_availability", f"same_{run}_{number}", 0, date=date)
        for number in range(IDENTICAL)
    ]
    before = stage.asked()["asked"].get("GET /v2/slots", 0)
    plan = Plan(web, same, IDENTICAL, KEY, count=IDENTICAL)
    answered = stage.run(plan).answered
    asked = stage.asked()["asked"]["GET /v2/slots"] - before
    label = f"provider requests for {IDENTICAL} equal questions at once"
    part.targets.append(Target(label, asked, 1, True))
    label = f"{IDENTICAL} equal questions at once are answered"
    part.checks.append(Check(label, answered == IDENTICAL, f"{answered} answered"))


def _codes(part: Part) -> Check:
    """Nobody hears anything but times, or that the calendar was too slow."""
    late = part.codes["upstream_unavailable"]
    odd = {
        code: n
        for code, n in part.codes.items()
        if code not in ("ok", "upstream_unavailable")
    }
    detail = f"{part.codes['ok']} times ok, {late} past the deadline, else {odd}"
    return Check("Tool calls: every answer is one that may be", not odd, detail)


def _rows(part: Part, run: str) -> Check:
    """Compare the answers with the rows that tell of them."""
    with connections[OWNER].cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM integrations_toolcall WHERE correlation_id LIKE %s",
            [f"call_{run}%"],
        )
        stored = cursor.fetchone()[0]
    answered = sum(part.codes.values()) + 2 * COMPANIES
    detail = f"{answered} answered, {stored} stored"
    return Check("Tool calls: each is stored once", stored == answered, detail)


def own_ms(part: Part, name: str, callers: int) -> tuple[float, float]:
    """Return p50 and p99 less the provider's time, in milliseconds."""
    series = part.of(name, callers)
    p50, p99 = Spread.of(series.p50s).median, Spread.of(series.p99s).median
    return p50 - PROVIDER_S * 1000, p99 - PROVIDER_S * 1000


def _targets(part: Part) -> list[Target]:
    targets = []
    for callers in CALLERS:
        ours, bare = own_ms(part, MISS, callers), own_ms(part, WAIT, callers)
        part.notes.append(
            f"own share of a miss at {callers}: p50 {ours[0]:.1f} ms, p99 {ours[1]:.1f}"
            f" ms (bare view: {bare[0]:.1f} and {bare[1]:.1f} ms)"
        )
    for name, position in (("p50", 0), ("p99", 1)):
        ours_ms = own_ms(part, MISS, 64)[position] + PROVIDER_S * 1000
        bare_ms = own_ms(part, WAIT, 64)[position] + PROVIDER_S * 1000
        label = f"a miss against the bare wait at 64, {name}"
        targets.append(Target(label, ours_ms / bare_ms, 1.5, True))
    ring = Spread.of(part.of(RING, 16).rates).median
    select = Spread.of(part.of(SELECT, 16).rates).median
    targets.append(
        Target("call_inbound against a SELECT at 16", ring / select, 0.5, False)
    )
    return targets
