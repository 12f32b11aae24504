"""How deliveries are doing: of one company for its monitor, of all for ours.

A provider of which nothing came is silent: nobody knows whether it is well.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from webhooks import monitor, objectives, pauses, providers
from webhooks.models import WebhookCount, WebhookLog, WebhookPause
from webhooks.objectives import PERIOD, Objectives

State = WebhookLog.State
UNFINISHED = (State.RECEIVED, State.PROCESSING, State.RETRYING)

#: What can be said of a provider, the most urgent first.
LATE, PAUSED, UNKNOWN, OK = "late", "paused", "unknown", "ok"


@dataclass(frozen=True)
class Backlog:
    """What is kept and not worked on yet; what is paused is not overdue."""

    waiting: int = 0
    overdue: int = 0
    oldest_at: datetime | None = None


@dataclass(frozen=True)
class Standing:
    """What a provider delivers, and what of it still waits."""

    provider: str
    #: late: it should have been worked on; paused; unknown: silent; ok.
    state: str
    #: By a webhook: what we had to ask for proves nothing.
    last_delivery_at: datetime | None
    #: How long the oldest has waited; None: nothing waits.
    backlog_age_s: float | None
    backlog: Backlog
    paused_at: datetime | None


@dataclass(frozen=True)
class Figures:
    """What became of a provider's deliveries of the last day."""

    deliveries: int = 0
    done: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Deliveries:
    """One company's deliveries, and no other's."""

    #: The most urgent state of its providers.
    status: str
    backlog: Backlog
    standings: list[Standing]
    figures: dict[str, Figures]
    own_accounts: set[str]
    objectives: Objectives


def of_company(company_id: UUID) -> Deliveries:
    """Return how the deliveries of one company are doing."""
    found = standings(company_id)
    waiting = [one.backlog for one in found]
    times = [one.oldest_at for one in waiting if one.oldest_at]
    states = [one.state for one in found]
    return Deliveries(
        status=next(one for one in (LATE, PAUSED, UNKNOWN, OK) if one in states),
        backlog=Backlog(
            sum(one.waiting for one in waiting),
            sum(one.overdue for one in waiting),
            min(times, default=None),
        ),
        standings=found,
        figures=_figures(company_id),
        own_accounts=_own_accounts(company_id),
        objectives=objectives.of(company_id),
    )


def standings(company_id: UUID | None = None) -> list[Standing]:
    """Return every provider of the settings, for one company or for all."""
    now = timezone.now()
    last = _last_of_company(company_id) if company_id else _last_of_all()
    with every_company():
        backlogs, paused = _backlogs(company_id), _paused(company_id)
    found = []
    for name in sorted(providers.every()):
        backlog = backlogs.get(name, Backlog())
        oldest = backlog.oldest_at
        found.append(
            Standing(
                provider=name,
                state=_state(name, last.get(name), backlog, paused.get(name), now),
                last_delivery_at=last.get(name),
                backlog_age_s=(
                    max(0.0, (now - oldest).total_seconds()) if oldest else None
                ),
                backlog=backlog,
                paused_at=paused.get(name),
            )
        )
    return found


def _state(
    provider: str,
    last_at: datetime | None,
    backlog: Backlog,
    paused_at: datetime | None,
    now: datetime,
) -> str:
    if backlog.overdue:
        return LATE
    if paused_at:
        return PAUSED
    hours = providers.every()[provider].silent_after_h
    silence = PERIOD if hours is None else timedelta(hours=hours)
    return OK if last_at and last_at > now - silence else UNKNOWN


def _last_of_company(company_id: UUID) -> dict[str, datetime]:
    """Return when each provider last delivered something of the company."""
    found: dict[str, datetime] = {}
    with scope(company_id):
        for name in providers.every():
            delivered = WebhookLog.objects.filter(
                company_id=company_id, provider=name, source=WebhookLog.Source.WEBHOOK
            )
            last = delivered.order_by("-received_at").first()
            if last is not None:
                found[name] = last.received_at
    return found


def _last_of_all() -> dict[str, datetime]:
    """Return the minute in which each provider last delivered (later: the day)."""
    counts = WebhookCount.objects.filter(received__gt=0)
    with every_company():
        rows = counts.values_list("account__provider").annotate(Max("at")).order_by()
        return dict(rows)


def _backlogs(company_id: UUID | None) -> dict[str, Backlog]:
    waiting = objectives.of_company(company_id).filter(state__in=UNFINISHED)
    overdue = monitor.overdue(pauses.left_alone(waiting, pauses.paused()))
    late = dict(overdue.values_list("provider").annotate(Count("pk")).order_by())
    rows = waiting.values_list("provider").annotate(Count("pk"), Min("received_at"))
    return {
        name: Backlog(count, late.get(name, 0), oldest)
        for name, count, oldest in rows.order_by()
    }


def _paused(company_id: UUID | None) -> dict[str, datetime]:
    """Return since when each provider is paused as a whole, or for the company.

    A company without an account of its own waits where the platform's is paused.
    """
    concerned = Q(company=None, account__company=None)
    if company_id is not None:
        concerned |= Q(company=company_id) | Q(account__company=company_id)
    rows = pauses.in_force().filter(concerned).select_related("account")
    own = _own_accounts(company_id) if company_id else set()
    found: dict[str, datetime] = {}
    for pause in rows:
        for name in _providers_of(pause):
            is_anothers = pause.account and not pause.account.company_id and name in own
            if not is_anothers:
                found.setdefault(name, pause.paused_at)
    return found


def _providers_of(pause: WebhookPause) -> list[str]:
    if pause.provider:
        return [pause.provider]
    return [pause.account.provider] if pause.account else list(providers.every())


def _own_accounts(company_id: UUID) -> set[str]:
    own = ProviderAccount.objects.filter(company_id=company_id, is_active=True)
    with every_company():
        return set(own.values_list("provider", flat=True))


def _figures(company_id: UUID) -> dict[str, Figures]:
    delivered = WebhookLog.objects.filter(
        company_id=company_id, received_at__gte=timezone.now() - PERIOD
    )
    with scope(company_id):
        rows = delivered.values_list("provider").annotate(
            deliveries=Count("pk"),
            done=Count("pk", filter=Q(state__in=objectives.SUCCEEDED)),
            failed=Count("pk", filter=Q(state=State.DEAD)),
        )
        return {name: Figures(*counts) for name, *counts in rows.order_by()}
