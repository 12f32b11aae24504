"""What a delivery costs when millions are stored: accepted, worked on, found again."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
from django.db import connections

from askpro import embedded
from askpro.bench import doors
from askpro.bench.figures import Check, Part, Spread, Target
from askpro.bench.load import SERIAL, Plan
from askpro.bench.stage import KEY, OWNER, Stage
from tenants.scoping import every_company, scope
from webhooks import claims

SIZES = (10_000, 1_000_000, 10_000_000)
CHUNK = 250_000
CALLERS = 16
REMARK = (
    "rows of 64 companies, nine in ten finished long ago by time; 2 processes of 4"
    " threads; the same questions at each size"
)
_LOGS = """
INSERT INTO webhooks_webhooklog (id, company_id, account_id, provider, event,
    external_key, call_id, correlation_id, share, state, received_at, finished_at,
    attempts, last_error)
SELECT gen_random_uuid(), (%(companies)s)[1 + n %% 64], %(account)s, 'retell',
    'call_ended', sha256(('old' || n)::bytea), 'old' || n, 'old' || n,
    '+49305550' || n %% 64, CASE WHEN n %% 1000 = 0 THEN 'dead' ELSE 'done' END,
    now() - n * interval '1 s', now() - n * interval '1 s', 1, ''
FROM generate_series(%(first)s::int, %(last)s::int) n
"""
_BODIES = """
INSERT INTO webhooks_webhookbody (log_id, company_id, raw, headers)
SELECT id, company_id, repeat('x', 200)::bytea, '{}' FROM webhooks_webhooklog
WHERE received_at <= now() - %(first)s * interval '1 s'
    AND NOT EXISTS (SELECT 1 FROM webhooks_webhookbody b WHERE b.log_id = id)
"""
_STORY = "SELECT id FROM webhooks_webhooklog WHERE correlation_id = 'old77'"
_LIST = "SELECT id, event, state FROM webhooks_webhooklog ORDER BY received_at DESC, id"
_FAILED = "SELECT id FROM webhooks_webhooklog WHERE state = 'dead'"


def measure(stage: Stage, *, rounds: int, seconds: float) -> Part:
    """Measure at each size, the smallest first."""
    part = Part("Growth", REMARK)
    port = stage.web("web", workers=2, threads=4)
    plans: dict[str, dict[int, float]] = {}
    stored = 0
    with stage.only("web"), _superuser() as superuser:
        for size in SIZES:
            began = time.monotonic()
            _fill(superuser, stage, first=stored + 1, last=size)
            stored = size
            part.notes.append(f"{size:,} rows after {time.monotonic() - began:.0f} s")
            name = f"accept at {size:,}"
            for turn in range(rounds + 1):
                body = doors.body(f"{uuid4().hex[:8]}{SERIAL}")
                plan = Plan(port, [("/api/webhooks/retell", body)], CALLERS, KEY)
                plan.seconds = seconds
                if turn:  # the first round warms what was just written
                    stage.measure(part.of(name, CALLERS), plan, server="web")
                else:
                    stage.run(plan)
            for question, ms, words in _asked(stage):
                plans.setdefault(question, {})[size] = ms
                part.notes.append(f"{question} at {size:,}: {ms:.2f} ms, {words}")
            _settle(superuser)
    part.checks = [part.no_failures(), _reads_no_table(part)]
    part.targets = list(_targets(part, plans))
    return part


def _superuser() -> psycopg.Connection[Any]:
    url = embedded.superuser_url(embedded.var_folder())
    name = connections[OWNER].settings_dict["NAME"]
    return psycopg.connect(url, dbname=name, autocommit=True)


def _fill(
    superuser: psycopg.Connection[Any], stage: Stage, *, first: int, last: int
) -> None:
    """Write rows that were finished long ago, in parts of bearable size."""
    superuser.execute("SET session_replication_role = replica")
    values = {
        "companies": stage.companies,
        "account": stage.processes.environment["BENCH_ACCOUNT"],
    }
    for start in range(first, last + 1, CHUNK):
        upto = min(last, start + CHUNK - 1)
        superuser.execute(_LOGS, values | {"first": start, "last": upto})
        superuser.execute(_BODIES, {"first": start})
    superuser.execute("VACUUM ANALYZE webhooks_webhooklog")
    superuser.execute("ANALYZE webhooks_webhookbody")
    superuser.execute("CHECKPOINT")


def _settle(superuser: psycopg.Connection[Any]) -> None:
    """Finish what came in, so that each size begins with nothing to do."""
    superuser.execute(
        "UPDATE webhooks_webhooklog SET state = 'done', finished_at = now()"
        " WHERE state IN ('received', 'retrying', 'processing')"
    )


def _asked(stage: Stage) -> Iterator[tuple[str, float, str]]:
    """Yield question, milliseconds and plan, each as the product asks it."""
    nothing_off: dict[str, Any] = {"providers": [], "accounts": [], "shares": []}
    with every_company():
        claim = nothing_off | {"batch": claims.BATCH}
        yield "claim of a batch", *_explained(claims._TURNS, claim)
        yield "story by its id", *_explained(_STORY, {})
    with scope(stage.companies[0]):
        yield "a company's list", *_explained(f"{_LIST} LIMIT 100", {})
        yield "a company's failed ones", *_explained(f"{_FAILED} LIMIT 100", {})


def _explained(sql: str, values: dict[str, Any]) -> tuple[float, str]:
    """Return the median time of five runs, and the scans of the plan."""
    times = []
    for _ in range(5):
        with connections["default"].cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values)
            told = cursor.fetchone()[0]
        (plan,) = json.loads(told) if isinstance(told, str) else told
        times.append(plan["Execution Time"])
    return Spread.of(times).median, ", ".join(sorted(set(_scans(plan["Plan"]))))


def _scans(plan: dict[str, Any]) -> Iterator[str]:
    if "Relation Name" in plan or "Index Name" in plan:
        yield f"{plan['Node Type']} {plan.get('Index Name', plan.get('Relation Name'))}"
    for part in plan.get("Plans", []):
        yield from _scans(part)


def _reads_no_table(part: Part) -> Check:
    whole = [note for note in part.notes if "Seq Scan webhooks_" in note]
    return Check("no question reads the whole table", not whole, "; ".join(whole))


def _targets(part: Part, plans: dict[str, dict[int, float]]) -> Iterator[Target]:
    least, most = SIZES[0], SIZES[-1]
    few, many = (
        Spread.of(part.of(f"accept at {size:,}", CALLERS).rates).median
        for size in (least, most)
    )
    yield Target(f"acceptance at {most:,} against {least:,}", many / few, 0.8, False)
    for question, ms in plans.items():
        # Below a tenth of a millisecond the clock says more than the plan.
        ratio = max(ms[most], 0.1) / max(ms[least], 0.1)
        yield Target(f"{question} at {most:,} against {least:,}", ratio, 3.0, True)
