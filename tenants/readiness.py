"""What a branch lacks before it may take calls.

The checks here read rows, for many branches at once; whoever knows a provider
registers checks that ask it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from tenants.models import Branch, PhoneNumber, ProviderAccount, Service, StaffService


@dataclass(frozen=True)
class Gap:
    """One thing that is missing, and what to do about it."""

    code: str  # stable, for machines
    problem: str
    remedy: str
    what: str = ""  # the missing thing itself, where there is a short name


@dataclass(frozen=True)
class Facts:
    """What our own rows say about a branch."""

    branch: Branch
    has_number: bool
    services: list[Service]  # the active ones
    served: set[UUID]  # services that somebody does with an event type of his own
    has_calcom_key: bool
    has_retell_secret: bool


Check = Callable[[Facts], Iterator[Gap]]
LiveCheck = Callable[[Branch], Iterator[Gap]]

_checks: list[Check] = []
_live_checks: list[LiveCheck] = []


def register(check: Check) -> Check:
    """Add a check that reads rows only; it runs in every call."""
    _checks.append(check)
    return check


def register_live(check: LiveCheck) -> LiveCheck:
    """Add a check that asks a provider; it runs where staff wait for it."""
    _live_checks.append(check)
    return check


def gaps(branch: Branch, *, live: bool = False) -> list[Gap]:
    """Return what the branch lacks; run inside its company's scope.

    :param live: ask the providers too.
    """
    found = gaps_of([branch])[branch.pk]
    if live and not found:
        found = [gap for check in _live_checks for gap in check(branch)]
    return found


def gaps_of(branches: Iterable[Branch]) -> dict[UUID, list[Gap]]:
    """Return what each branch lacks; as many queries for one as for a thousand."""
    return {
        facts.branch.pk: [gap for check in _checks for gap in check(facts)]
        for facts in _facts(list(branches))
    }


def _facts(branches: list[Branch]) -> Iterator[Facts]:
    numbers = PhoneNumber.objects.filter(branch__in=branches, is_active=True)
    numbered = set(numbers.values_list("branch_id", flat=True))
    services: defaultdict[UUID, list[Service]] = defaultdict(list)
    for service in Service.objects.filter(branch__in=branches, is_active=True):
        services[service.branch_id].append(service)
    served = _served(branches, services)
    accounts = _accounts({branch.company_id for branch in branches})
    for branch in branches:
        yield Facts(
            branch,
            branch.pk in numbered,
            services[branch.pk],
            served,
            _usable(accounts, branch, "calcom"),
            _usable(accounts, branch, "retell"),
        )


def _served(branches: list[Branch], services: dict[UUID, list[Service]]) -> set[UUID]:
    open_ones = [
        service
        for branch in branches
        if not branch.calcom_event_type_id
        for service in services.get(branch.pk, [])
        if not service.calcom_event_type_id
    ]
    if not open_ones:
        return set()
    pairs = StaffService.objects.filter(
        service__in=open_ones,
        staff__is_active=True,
        calcom_event_type_id__isnull=False,
    )
    return set(pairs.values_list("service_id", flat=True))


def _accounts(companies: set[UUID]) -> dict[tuple[UUID | None, str], bool]:
    """Return for each active account whether it has what its provider needs."""
    has_key = Q(provider="calcom") & ~Q(api_key="")
    has_secret = Q(provider="retell") & ~Q(
        webhook_secret="", webhook_secret_previous=""
    )
    accounts = ProviderAccount.objects.filter(
        Q(company__in=companies) | Q(company__isnull=True), is_active=True
    ).annotate(is_usable=has_key | has_secret)
    rows = accounts.values_list("company_id", "provider", "is_usable")
    return {(company, provider): usable for company, provider, usable in rows}


def _usable(
    accounts: dict[tuple[UUID | None, str], bool], branch: Branch, provider: str
) -> bool:
    """Tell it of the account that is used: the company's own, else the platform's."""
    of_platform = accounts.get((None, provider), False)
    return accounts.get((branch.company_id, provider), of_platform)


@register
def _event_types(facts: Facts) -> Iterator[Gap]:
    if facts.branch.calcom_event_type_id:
        return
    missing = [
        service.name
        for service in facts.services
        if not service.calcom_event_type_id and service.pk not in facts.served
    ]
    if not missing and facts.services:
        return
    problem = _("the Cal.com event type id is missing")
    if missing:
        problem += " " + _("for: %(services)s") % {"services": ", ".join(missing)}
    yield Gap(
        "calcom_event_type_id",
        problem,
        _("enter it at the branch, or at each service"),
        _("Cal.com event type id"),
    )


@register
def _agent(facts: Facts) -> Iterator[Gap]:
    if not facts.branch.retell_agent_id:
        yield Gap(
            "retell_agent_id",
            _("the Retell agent id is missing"),
            _("enter the id of the agent that shall answer"),
            _("Retell agent id"),
        )


@register
def _number(facts: Facts) -> Iterator[Gap]:
    if not facts.has_number:
        yield Gap(
            "phone_number",
            _("no active phone number"),
            _("add the number that callers dial"),
            _("phone number"),
        )


@register
def _services(facts: Facts) -> Iterator[Gap]:
    if not facts.services:
        yield Gap(
            "service",
            _("no active service"),
            _("add what can be booked"),
            _("service"),
        )


@register
def _keys(facts: Facts) -> Iterator[Gap]:
    if not facts.has_calcom_key:
        yield Gap(
            "calcom_api_key",
            _("no Cal.com API key"),
            _("enter the key of the account"),
            _("Cal.com API key"),
        )
    if not facts.has_retell_secret:
        yield Gap(
            "retell_webhook_key",
            _("no Retell webhook key"),
            _("enter the key with the webhook badge"),
            _("Retell webhook key"),
        )
