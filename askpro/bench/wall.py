"""What the wall costs: the product beside itself without roles and policies."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from django.conf import settings
from django.db import connections

from askpro.bench import doors
from askpro.bench.figures import Check, Part, Spread, Target
from askpro.bench.load import SERIAL, Plan
from askpro.bench.stage import COMPANIES, KEY, OWNER, Stage
from askpro.bench.tools import misses, ring_request
from tenants import rls

CALLERS = (1, 16)
REMARK = (
    "2 processes of 16 threads each; the other side runs the same code on a copy of"
    " the database without row security, tells no connection anything, and takes turns"
)
WITH, WITHOUT = "web", "unwalled"
CHECK, RING, DELIVERY = "check, remembered", "call_inbound", "webhook, new"
#: Of a door's own time.
WANTED = 1.05


def measure(stage: Stage, *, rounds: int, seconds: float) -> Part:
    """Measure both sides in turns; who is first changes with each round."""
    part = Part("The wall", REMARK)
    size = {"workers": 2, "threads": 16}
    with _copy() as url:
        ports = {WITH: stage.web(WITH, **size)}
        kept = stage.processes.environment
        stage.processes.environment = kept | {
            "DATABASE_URL": url,
            "DJANGO_SETTINGS_MODULE": "askpro.bench.unwalled.settings",
        }
        ports[WITHOUT] = stage.web(WITHOUT, **size)
        stage.processes.environment = kept
        with stage.only(WITH, WITHOUT):
            plans = {side: _plans(side, port) for side, port in ports.items()}
            _warm(stage, plans)
            for callers in CALLERS:
                for turn in range(max(2, rounds * 2)):
                    sides = (WITH, WITHOUT) if turn % 2 else (WITHOUT, WITH)
                    for name in (CHECK, RING, DELIVERY):
                        for side in sides:
                            plan = plans[side][name]
                            plan.callers, plan.seconds = callers, seconds / 2
                            series = part.of(f"{name}, {_said(side)}", callers)
                            stage.measure(series, plan, server=side)
    part.checks = [part.no_failures(), *_is_walled()]
    part.targets = [*_targets(part)]
    return part


def _said(side: str) -> str:
    return "with" if side == WITH else "without"


@contextmanager
def _copy() -> Iterator[str]:
    """Yield the URL of a copy of the database that has no wall; dropped afterwards."""
    owner, name = os.environ["DATABASE_OWNER_URL"], "askpro_unwalled"
    source = connections[OWNER].settings_dict["NAME"]
    login = settings.DATABASES["default"]["USER"]
    tables = sorted(rls.walled_tables(connections[OWNER]))
    connections.close_all()
    with psycopg.connect(_named(owner, "postgres"), autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
        with psycopg.connect(_named(owner, name), autocommit=True) as copy:
            for table in tables:
                copy.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
                copy.execute(f"GRANT ALL ON {table} TO {login}")
            copy.execute("ANALYZE")
        connections[OWNER].ensure_connection()
        with connections[OWNER].cursor() as cursor:
            cursor.execute("ANALYZE")
        try:
            yield _named(os.environ["DATABASE_URL"], name)
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _plans(side: str, port: int) -> dict[str, Plan]:
    run = uuid4().hex[:8]
    asked = misses(run)
    return {
        CHECK: Plan(port, [next(asked) for _ in range(COMPANIES)], 1, KEY),
        RING: Plan(port, [ring_request(run)], 1, KEY),
        DELIVERY: Plan(
            port, [("/api/webhooks/retell", doors.body(f"{side}{SERIAL}"))], 1, KEY
        ),
    }


def _warm(stage: Stage, plans: dict[str, dict[str, Plan]]) -> None:
    for of_side in plans.values():
        for name, plan in of_side.items():
            plan.callers = plan.count = 2 * COMPANIES if name == CHECK else COMPANIES
            plan.callers = min(plan.callers, COMPANIES)
            stage.run(plan)
            plan.count = 0


def _is_walled() -> Iterator[Check]:
    walled = len(rls.walled_tables(connections[OWNER]))
    yield Check("the wall stood while it was measured", walled > 0, f"{walled} tables")


def _targets(part: Part) -> Iterator[Target]:
    for name in (CHECK, RING, DELIVERY):
        for callers in CALLERS:
            one, other = (
                part.of(f"{name}, {side}", callers) for side in ("with", "without")
            )
            for what, ours, theirs in (
                ("p50", one.p50s, other.p50s),
                ("CPU", one.cpu_ms, other.cpu_ms),
            ):
                pairs = [mine / bare for mine, bare in zip(ours, theirs, strict=True)]
                part.notes.append(
                    f"{name} at {callers}, {what}: {Spread.of(pairs).text(2)} of"
                    " without the wall, round by round"
                )
                label = f"{name} at {callers}, {what} against without"
                yield Target(label, statistics.median(pairs), WANTED, True)
