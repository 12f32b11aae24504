"""The keys of provider accounts, as a machine door needs them."""

from __future__ import annotations

import secrets as lots
import time
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.db.models import F, Q

from tenants import resolver, uses
from tenants.models import Branch, ProviderAccount
from tenants.scoping import every_company

#: How long a process keeps an account's keys: a rotation is known after this.
REMEMBERED_S = 5.0
MOST_REMEMBERED = 10_000
#: What a signature is compared with where there is no account: the same work, in vain.
NOBODYS_SECRETS = (lots.token_hex(24),)


@dataclass(frozen=True)
class AccountKeys:
    """An account that a delivery is verified with; without a company the platform's."""

    id: UUID
    company_id: UUID | None
    provider: str
    secrets: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Verified:
    """The very bytes that were signed, and by whose key."""

    raw: bytes = field(repr=False)
    account: AccountKeys


_remembered: dict[tuple[str, UUID | None], tuple[float, AccountKeys | None]] = {}


def keys_of(provider: str, endpoint: UUID | None = None) -> AccountKeys | None:
    """Return the keys of a webhook address; None if there is no such account.

    :param endpoint: the account's own address; None for the platform's.
    """
    name = (provider, endpoint)
    known = _remembered.get(name)
    if known is not None and known[0] > time.monotonic():
        return known[1]
    if len(_remembered) >= MOST_REMEMBERED:
        _remembered.clear()
    try:
        keys = _read(provider, endpoint)
    except (OperationalError, InterfaceError):
        # While the database is away, what was true a moment ago still verifies.
        if known is None:
            raise
        keys = known[1]
    _remembered[name] = (time.monotonic() + REMEMBERED_S, keys)
    return keys


def _read(provider: str, endpoint: UUID | None) -> AccountKeys | None:
    account_id = resolver.account_of(provider, endpoint)
    with every_company(with_probes=True):
        # An address that nobody has costs the same questions as one that exists.
        account = ProviderAccount.objects.filter(pk=account_id or UUID(int=0)).first()
    if account is None:
        return None
    return AccountKeys(
        account.pk, account.company_id, provider, account.webhook_secrets
    )


def account_for(branch: Branch, provider: str) -> ProviderAccount | None:
    """Return the company's own active account, else the platform's; in its scope."""
    mine = Q(company=branch.company_id) | Q(company__isnull=True)
    accounts = ProviderAccount.objects.filter(mine, provider=provider, is_active=True)
    return accounts.order_by(F("company_id").asc(nulls_last=True)).first()


def sync_platform_accounts() -> None:
    """Create or update the platform's accounts from the environment.

    An empty variable changes nothing: keys that staff entered stay.
    """
    given = {
        "retell": (
            settings.RETELL_BASE_URL,
            settings.RETELL_API_KEY,
            settings.RETELL_WEBHOOK_KEYS,
        ),
        "calcom": (
            settings.CALCOM_BASE_URL,
            settings.CALCOM_API_KEY,
            settings.CALCOM_WEBHOOK_SECRETS,
        ),
    }
    with every_company():
        for provider, (base_url, api_key, secrets) in given.items():
            if not api_key and not secrets:
                continue
            values: dict[str, object] = {"base_url": base_url}
            if api_key:
                values["api_key"] = api_key
            platforms = ProviderAccount.objects.filter(company=None, provider=provider)
            if secrets:
                first, second = [*secrets, ""][:2]
                values |= {"webhook_secret": first, "webhook_secret_previous": second}
                for account in platforms:
                    values |= uses.after_change(account, first, second)
            ProviderAccount.objects.update_or_create(
                company=None, provider=provider, defaults=values
            )
