"""What is paused by somebody: kept and not worked on until somebody resumes it.

Every pause and its end is in the audit trail, written by the database itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from tenants import nudger
from tenants.models import PhoneNumber, ProviderAccount
from webhooks.models import WebhookLog, WebhookPause


@dataclass(frozen=True)
class Paused:
    """What nobody works on for now."""

    providers: tuple[str, ...] = ()
    accounts: tuple[UUID, ...] = ()
    shares: tuple[str, ...] = ()


def paused() -> Paused:
    """Return what is paused; run in ``every_company``."""
    pauses = list(
        in_force().values_list("provider", "account_id", "company_id", named=False)
    )
    if not pauses:
        return Paused()
    companies = [company for _, account, company in pauses if company and not account]
    numbers = PhoneNumber.objects.filter(company__in=companies)
    accounts = ProviderAccount.objects.filter(company__in=companies)
    return Paused(
        tuple(provider for provider, *_ in pauses if provider),
        (
            *(account for _, account, _ in pauses if account),
            *accounts.values_list("id", flat=True),
        ),
        tuple(numbers.values_list("number", flat=True)),
    )


def in_force() -> QuerySet[WebhookPause]:
    """Return the pauses that nobody has ended, the oldest first."""
    return WebhookPause.objects.filter(resumed_at__isnull=True).order_by("paused_at")


def left_alone(deliveries: QuerySet[WebhookLog], off: Paused) -> QuerySet[WebhookLog]:
    """Return the deliveries without those that are paused."""
    if off == Paused():
        return deliveries
    return deliveries.exclude(
        Q(provider__in=off.providers)
        | Q(account__in=off.accounts)
        | Q(share__in=off.shares)
    )


def resume(pauses: Iterable[WebhookPause], *, by: str, why: str = "") -> int:
    """End pauses and have a worker take what waited; return how many were in force."""
    mine = in_force().filter(pk__in=[pause.pk for pause in pauses])
    count = mine.update(resumed_at=timezone.now(), resumed_by=by[:160], resumed_why=why)
    if count:
        nudger.nudge_batch("webhooks.process")
    return count
