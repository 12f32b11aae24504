"""The deliveries of the whole installation, for Prometheus.

Every figure comes from rows at the moment of the question: it is the same whichever
process is asked, and outlives them all. Names of companies are in none; events that
nobody knows are all called "other", so that no sender can make up labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, F, Min, Q, Sum, Value, When
from django.utils import timezone
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from tenants.scoping import every_company
from webhooks import counts, health, objectives, pauses, providers
from webhooks.models import WebhookCount, WebhookLog

PREFIX = "askpro_webhooks"
_BY_EVENT = ["provider", "event"]


class Deliveries(Collector):
    """What came, what became of it, and what waits."""

    def describe(self) -> Iterable[Metric]:
        """Promise nothing: a registry would ask the database to find out."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every figure.

        :raises DatabaseError: nobody can tell at the moment.
        """
        yield from _counted()
        yield from _waiting()
        yield from _standings()
        yield from _objectives()


def _label(field: str) -> Case:
    """Return what figures call the event of a row: see ``Provider.label``."""
    known = [
        When(Q(**{field: name}), event__in=list(one.handlers), then=F("event"))
        for name, one in providers.every().items()
    ]
    return Case(*known, default=Value(providers.OTHER))


def _provider(field: str) -> Case:
    """Return the provider of a row; one that the settings do not name is another."""
    known = When(**{f"{field}__in": list(providers.every())}, then=F(field))
    return Case(known, default=Value(providers.OTHER))


def _counted() -> Iterator[Metric]:
    field = "account__provider"
    reasons = [f"failed_{reason}" for reason in counts.REASONS]
    names = ["received", "duplicates", "processed", "failed", *reasons]
    sums: dict[str, Any] = {f"sum_{name}": Sum(name) for name in names}
    sums |= objectives.acknowledged_sums()
    with every_company():
        rows: list[dict[str, Any]] = list(
            WebhookCount.objects.order_by()
            .values(by=_provider(field), label=_label(field))
            .annotate(**sums)  # type: ignore[arg-type]
        )
    told = {
        "received": "Verified deliveries that came, repeats too.",
        "duplicates": "Deliveries that were kept already.",
        "processed": "Deliveries that came to an end; also what had to be asked for.",
    }
    for name, words in told.items():
        family = CounterMetricFamily(f"{PREFIX}_{name}", words, labels=_BY_EVENT)
        for row in rows:
            family.add_metric([row["by"], row["label"]], row[f"sum_{name}"])
        yield family
    yield _failed(rows)
    yield _acknowledged(rows)


def _failed(rows: list[dict[str, Any]]) -> Metric:
    failed = CounterMetricFamily(
        f"{PREFIX}_failed",
        "Deliveries that failed for good: never works, may work later, needs a person.",
        labels=[*_BY_EVENT, "reason"],
    )
    for row in rows:
        of_reason = {one: row[f"sum_failed_{one}"] for one in counts.REASONS}
        # A version before this one told no reasons.
        unknown = row["sum_failed"] - sum(of_reason.values())
        for reason, count in {**of_reason, "unknown": unknown}.items():
            if count or reason != "unknown":
                failed.add_metric([row["by"], row["label"], reason], count)
    return failed


def _acknowledged(rows: list[dict[str, Any]]) -> Metric:
    """Return the times of all events together: they are the door's, not theirs."""
    family = HistogramMetricFamily(
        f"{PREFIX}_acknowledged_seconds",
        "How long a delivery waited for its answer.",
        labels=["provider"],
    )
    bounds = [*(str(ms / 1000) for ms in WebhookCount.BOUNDS_MS), "+Inf"]
    for provider in sorted({row["by"] for row in rows}):
        passed, buckets = 0, []
        mine = [row for row in rows if row["by"] == provider]
        for bound, name in zip(bounds, objectives.acknowledged_sums(), strict=True):
            passed += sum(row[name] for row in mine)
            buckets.append((bound, passed))
        family.add_metric([provider], buckets=buckets, sum_value=None)
    return family


def _waiting() -> Iterator[Metric]:
    now = timezone.now()
    with every_company():
        rows = _by_event(WebhookLog.objects.filter(state__in=health.UNFINISHED))
        lost = _by_event(WebhookLog.objects.filter(state=WebhookLog.State.UNRESOLVED))
        paused = pauses.in_force().count()
    waiting = GaugeMetricFamily(
        f"{PREFIX}_waiting", "Kept and not worked on yet.", labels=_BY_EVENT
    )
    oldest = GaugeMetricFamily(
        f"{PREFIX}_oldest_waiting_seconds",
        "How long the oldest of them has waited.",
        labels=_BY_EVENT,
    )
    unresolved = GaugeMetricFamily(
        f"{PREFIX}_unresolved",
        "Kept until the number that was dialled is configured.",
        labels=_BY_EVENT,
    )
    for provider, event, count, since in rows:
        waiting.add_metric([provider, event], count)
        age = max(0.0, (now - since).total_seconds())
        oldest.add_metric([provider, event], age)
    for provider, event, count, _ in lost:
        unresolved.add_metric([provider, event], count)
    yield from (waiting, oldest, unresolved)
    yield GaugeMetricFamily(f"{PREFIX}_pauses", "Pauses in force.", value=paused)


def _by_event(deliveries: Any) -> list[tuple[str, str, int, datetime]]:
    by_event = deliveries.order_by().values_list(
        _provider("provider"), _label("provider")
    )
    return list(by_event.annotate(Count("pk"), Min("received_at")))


def _standings() -> Iterator[Metric]:
    last = GaugeMetricFamily(
        f"{PREFIX}_last_delivery_timestamp_seconds",
        "When a provider last delivered; none where it never did.",
        labels=["provider"],
    )
    state = GaugeMetricFamily(
        f"{PREFIX}_provider_state",
        "1 for what can be said of a provider; unknown: it is silent.",
        labels=["provider", "state"],
    )
    for one in health.standings():
        if one.last_delivery_at:
            last.add_metric([one.provider], one.last_delivery_at.timestamp())
        for name in (health.OK, health.UNKNOWN, health.PAUSED, health.LATE):
            state.add_metric([one.provider, name], float(one.state == name))
    yield from (last, state)


def _objectives() -> Iterator[Metric]:
    """Yield them with what they are of; an unknown one has no value."""
    found = objectives.of()
    hours = f"of the last {found.period_s // 3600} hours"
    acknowledged = found.acknowledged_ms
    seconds = (
        acknowledged.value / 1000
        if acknowledged.value not in (None, math.inf)
        else acknowledged.value
    )
    told = {
        "success_ratio": (found.success.value, f"Not failed {hours}, of the ended."),
        "success_ratio_of": (found.success.of, f"Ended deliveries {hours}."),
        "acknowledged_p99_seconds": (seconds, f"Bound of 99 of 100 answers {hours}."),
        "acknowledged_p99_of": (acknowledged.of, f"Answers {hours}."),
        "duplicates_prevented": (found.duplicates.value, f"Repeats {hours}."),
        "duplicates_prevented_of": (found.duplicates.of, f"Arrivals {hours}."),
    }
    for name, (value, words) in told.items():
        yield GaugeMetricFamily(f"{PREFIX}_{name}", words, value=value)
