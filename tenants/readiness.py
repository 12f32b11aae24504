"""What a branch lacks before it may take calls.

The checks here read rows; whoever knows a provider registers more of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.db.models import Q

from tenants.models import Branch, PhoneNumber, ProviderAccount, StaffService


@dataclass(frozen=True)
class Gap:
    """One thing that is missing, and what to do about it."""

    code: str  # stable, for machines
    problem: str
    remedy: str


Check = Callable[[Branch], Iterator[Gap]]

_checks: list[Check] = []
_live_checks: list[Check] = []


def register(check: Check) -> Check:
    """Add a check that reads rows only; it runs in every call."""
    _checks.append(check)
    return check


def register_live(check: Check) -> Check:
    """Add a check that asks a provider; it runs where staff wait for it."""
    _live_checks.append(check)
    return check


def gaps(branch: Branch, *, live: bool = False) -> list[Gap]:
    """Return what the branch lacks; run inside its company's scope.

    :param live: ask the providers too.
    """
    found = [gap for check in _checks for gap in check(branch)]
    if live and not found:
        found = [gap for check in _live_checks for gap in check(branch)]
    return found


@register
def _number(branch: Branch) -> Iterator[Gap]:
    if not PhoneNumber.objects.filter(branch=branch, is_active=True).exists():
        yield Gap(
            "phone_number",
            "no active phone number",
            "add the number that callers dial",
        )


@register
def _agent(branch: Branch) -> Iterator[Gap]:
    if not branch.retell_agent_id:
        yield Gap(
            "retell_agent_id",
            "the Retell agent id is missing",
            "enter the id of the agent that shall answer",
        )


@register
def _services(branch: Branch) -> Iterator[Gap]:
    services = list(branch.services.filter(is_active=True))
    if not services:
        yield Gap("service", "no active service", "add what can be booked")
    if branch.calcom_event_type_id:
        return
    unresolved = [one for one in services if not one.calcom_event_type_id]
    own = set(
        StaffService.objects.filter(
            service__in=unresolved,
            staff__is_active=True,
            calcom_event_type_id__isnull=False,
        ).values_list("service_id", flat=True)
    )
    missing = [one.name for one in unresolved if one.pk not in own]
    if missing or not services:
        yield Gap(
            "calcom_event_type_id",
            "the Cal.com event type id is missing"
            + (f" for: {', '.join(missing)}" if missing else ""),
            "enter it at the branch, or at each service",
        )


@register
def _accounts(branch: Branch) -> Iterator[Gap]:
    usable = ProviderAccount.objects.filter(
        Q(company=branch.company_id) | Q(company__isnull=True), is_active=True
    )
    # Own before platform's: what a company has is what is used.
    accounts = {
        account.provider: account
        for account in sorted(usable, key=lambda one: one.company_id is not None)
    }
    calcom, retell = accounts.get("calcom"), accounts.get("retell")
    if calcom is None or not calcom.api_key:
        yield Gap(
            "calcom_api_key", "no Cal.com API key", "enter the key of the account"
        )
    if retell is None or not retell.webhook_secrets:
        yield Gap(
            "retell_webhook_key",
            "no Retell webhook key",
            "enter the key with the webhook badge",
        )
