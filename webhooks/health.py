"""How a company's deliveries are doing, for a machine that watches them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from webhooks import monitor
from webhooks.models import WebhookLog

State = WebhookLog.State
#: The period that the figures count.
PERIOD = timedelta(hours=24)


@dataclass(frozen=True)
class Backlog:
    """What is kept and not worked on yet."""

    waiting: int
    overdue: int
    oldest_at: datetime | None


@dataclass(frozen=True)
class Provider:
    """What a provider delivered for the company in the last day."""

    provider: str
    has_own_account: bool
    last_delivery_at: datetime | None
    deliveries: int
    done: int
    failed: int


@dataclass(frozen=True)
class Deliveries:
    """One company's deliveries, and no other's."""

    backlog: Backlog
    providers: list[Provider]


def of_company(company_id: UUID) -> Deliveries:
    """Return how the deliveries of one company are doing."""
    return Deliveries(_backlog(company_id), _providers(company_id))


def _backlog(company_id: UUID) -> Backlog:
    """Count also what a worker has not yet found the company of.

    Such a delivery belongs to nobody; the account that verified it tells whose it is.
    """
    open_ones = WebhookLog.objects.filter(
        Q(company_id=company_id) | Q(company_id=None, account__company_id=company_id),
        state__in=[State.RECEIVED, State.PROCESSING, State.RETRYING],
    )
    with every_company():
        found = open_ones.aggregate(waiting=Count("pk"), oldest_at=Min("received_at"))
        overdue = monitor.overdue(open_ones).count()
    return Backlog(found["waiting"], overdue, found["oldest_at"])


def _providers(company_id: UUID) -> list[Provider]:
    with scope(company_id):
        own = set(
            ProviderAccount.objects.filter(
                company_id=company_id, is_active=True
            ).values_list("provider", flat=True)
        )
        rows = list(
            WebhookLog.objects.filter(
                company_id=company_id, received_at__gte=timezone.now() - PERIOD
            )
            .values("provider")
            .annotate(
                last_delivery_at=Max("received_at"),
                deliveries=Count("pk"),
                done=Count("pk", filter=Q(state__in=[State.DONE, State.IGNORED])),
                failed=Count("pk", filter=Q(state=State.DEAD)),
            )
        )
    silent = own - {row["provider"] for row in rows}
    found = [
        Provider(has_own_account=row["provider"] in own, **row) for row in rows
    ] + [Provider(name, True, None, 0, 0, 0) for name in silent]
    return sorted(found, key=lambda one: one.provider)
