"""How well deliveries are kept and worked on, against what is promised.

Computed from rows, so that figures are true across processes and restarts. Where there
was nothing to tell a figure from it is unknown, never perfect.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from tenants.scoping import every_company
from webhooks.models import WebhookCount, WebhookLog

State = WebhookLog.State

PERIOD = timedelta(hours=24)
QUANTILE = 0.99
SUCCEEDED = (State.DONE, State.IGNORED)
#: What nobody works on any more; unresolved ones wait for their number.
TERMINAL = (*SUCCEEDED, State.DEAD)
#: How many were acknowledged within each bound, and how many later than the last.
BUCKETS = len(WebhookCount.BOUNDS_MS) + 1


@dataclass(frozen=True)
class Objective:
    """A figure and what it is of; None where that is nothing."""

    value: float | None
    of: int


@dataclass(frozen=True)
class Objectives:
    """What became of the deliveries of a period."""

    period_s: int
    #: The part of the terminal ones that did not fail: 0 to 1.
    success: Objective
    #: Within so many ms came 99 of 100 acknowledgements; infinite: later than the last
    #: bound that is counted. Repeats are acknowledged too.
    acknowledged_ms: Objective
    #: How many repeats were recognised, of all that came.
    duplicates: Objective


def of(company_id: UUID | None = None, *, now: datetime | None = None) -> Objectives:
    """Return the last 24 hours of one company, or of the whole installation.

    What came to the platform's own accounts was acknowledged and recognised there: it
    counts for no single company.
    """
    since = (now or timezone.now()) - PERIOD
    counts = WebhookCount.objects.filter(at__gte=since)
    if company_id is not None:
        counts = counts.filter(company=company_id)
    with every_company():
        ended = _ended(of_company(company_id).filter(received_at__gte=since))
        sums = counts.aggregate(
            received=Sum("received", default=0),
            duplicates=Sum("duplicates", default=0),
            **acknowledged_sums(),
        )
    received = sums["received"]
    buckets = [sums[name] for name in acknowledged_sums()]
    return Objectives(
        period_s=int(PERIOD.total_seconds()),
        success=ended,
        acknowledged_ms=Objective(_bound(buckets), sum(buckets)),
        duplicates=Objective(sums["duplicates"] if received else None, received),
    )


def of_company(company_id: UUID | None) -> QuerySet[WebhookLog]:
    """Return the deliveries of one company, or all; run in ``every_company``.

    One of which no worker has found the company yet belongs to nobody; the account
    that verified it tells whose it is.
    """
    if company_id is None:
        return WebhookLog.objects.all()
    return WebhookLog.objects.filter(
        Q(company=company_id) | Q(company=None, account__company=company_id)
    )


def _ended(deliveries: QuerySet[WebhookLog]) -> Objective:
    found = deliveries.filter(state__in=TERMINAL).aggregate(
        all=Count("pk"), good=Count("pk", filter=Q(state__in=SUCCEEDED))
    )
    good, count = found["good"], found["all"]
    return Objective(good / count if count else None, count)


def acknowledged_sums() -> dict[str, Any]:
    """Return the sum of each bucket, as aggregates of counts."""
    return {
        f"bucket_{place}": Sum(f"acknowledged__{place}", default=0)
        for place in range(BUCKETS)
    }


def _bound(buckets: Sequence[int]) -> float | None:
    """Return the bound within which the quantile lies."""
    wanted = math.ceil(sum(buckets) * QUANTILE)
    if not wanted:
        return None
    passed = 0
    for bound, count in zip(WebhookCount.BOUNDS_MS, buckets, strict=False):
        passed += count
        if passed >= wanted:
            return bound
    return math.inf


def as_json(found: Objectives) -> dict[str, Any]:
    """Return them for machines: unknown is null, and beyond the last bound says so."""
    slowest = WebhookCount.BOUNDS_MS[-1]
    acknowledged = found.acknowledged_ms
    is_beyond = acknowledged.value == math.inf
    return {
        "period_s": found.period_s,
        "success_rate": {"value": found.success.value, "of": found.success.of},
        "acknowledged_p99": {
            "within_ms": None if is_beyond else acknowledged.value,
            "beyond_ms": slowest if is_beyond else None,
            "of": acknowledged.of,
        },
        "duplicates_prevented": {
            "value": found.duplicates.value,
            "of": found.duplicates.of,
        },
    }
