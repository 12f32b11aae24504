"""Every way from one company to another, registered beside the door that it tries.

A way is a function that yields attempts. Each attempt is made in the scope of the one
probe, or at its door with its keys, and reaches for the other's row. It says whether
that was refused; what it raises counts as failed, which is no refusal.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from importlib import import_module

from django.utils import timezone
from django.utils.module_loading import autodiscover_modules

from tenants.isolation import probes
from tenants.isolation.probes import Probes
from tenants.models import IsolationRun
from tenants.scoping import every_company

KEPT_RUNS = 90
REFUSED, OPEN, FAILED = "refused", "open", "failed"

#: What is tried, and whether it was refused.
Attempt = tuple[str, Callable[[], bool]]
Way = Callable[[Probes], Iterator[Attempt]]


@dataclass(frozen=True)
class Registered:
    """A way with its name, and the doors that it covers."""

    name: str
    doors: tuple[str, ...]
    try_it: Way


@dataclass(frozen=True)
class Result:
    """What became of one attempt."""

    way: str
    door: str
    outcome: str
    detail: str = ""


_ways: list[Registered] = []
#: Where this app registers its own; the others do so in their ``isolation``.
_OWN = ("catalogue", "rows")

#: Doors that need no way of their own, and why.
EXEMPT: dict[str, str] = {}


def way(name: str, *doors: str) -> Callable[[Way], Way]:
    """Register a way.

    :param name: for people, English; a message id of the catalogue.
    :param doors: patterns such as ``route:api/webhooks/*``, ``tool:*``, ``task:x.y``.
    """

    def keep(try_it: Way) -> Way:
        _ways.append(Registered(name, doors, try_it))
        return try_it

    return keep


def registered() -> list[Registered]:
    """Return every way, those of all apps."""
    for module in _OWN:
        import_module(f"tenants.isolation.{module}")
    autodiscover_modules("isolation")
    return list(_ways)


def uncovered(doors: list[str]) -> list[str]:
    """Return the doors that no way covers and no reason exempts."""
    patterns = [pattern for one in registered() for pattern in one.doors]
    patterns += EXEMPT
    return [
        door
        for door in doors
        if not any(fnmatchcase(door, pattern) for pattern in patterns)
    ]


def check() -> list[Result]:
    """Try every way, and return what became of each attempt."""
    ways = registered()
    made = probes.furnish()
    results: list[Result] = []
    for one in ways:
        try:
            results += _tried(one, made)
        finally:
            # What one way leaves behind is none of the next one's findings.
            probes.tidy(made)
    return results


def _tried(one: Registered, made: Probes) -> Iterator[Result]:
    try:
        attempts = list(one.try_it(made))
    except Exception as error:
        yield Result(one.name, "", FAILED, _words(error))
        return
    for what, attempt in attempts:
        try:
            outcome, detail = (REFUSED if attempt() else OPEN), ""
        except Exception as error:
            outcome, detail = FAILED, _words(error)
        yield Result(one.name, what, outcome, detail)


def _words(error: Exception) -> str:
    """Name the kind alone: the words of an error may hold a row."""
    return type(error).__name__


def run() -> IsolationRun:
    """Try every way and keep the result; the oldest results go."""
    started_at, started = timezone.now(), time.monotonic()
    results = check()
    return _kept(results, started_at, time.monotonic() - started)


def _kept(results: list[Result], started_at: datetime, seconds: float) -> IsolationRun:
    refused = sum(one.outcome == REFUSED for one in results)
    with every_company():
        row = IsolationRun.objects.create(
            started_at=started_at,
            duration_ms=int(seconds * 1000),
            tried=len(results),
            refused=refused,
            ways=[asdict(one) for one in results],
        )
        old = IsolationRun.objects.order_by("-started_at").values_list("pk", flat=True)
        IsolationRun.objects.filter(pk__in=list(old[KEPT_RUNS:])).delete()
    return row
