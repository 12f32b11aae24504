"""From an account's row to its client: breaker, journal and key put together."""

from __future__ import annotations

from uuid import UUID

from integrations import journal
from integrations.breaker import Breaker
from integrations.calcom.client import CalcomClient
from integrations.retell.client import RetellClient
from tenants.models import ProviderAccount


def calcom(account: ProviderAccount, *, company_id: UUID | None) -> CalcomClient:
    """Return the client of a Cal.com account.

    :param company_id: whose rows its exchanges become; None: the platform's.
    """
    return CalcomClient(
        account.base_url,
        api_key=account.api_key,
        account_key=str(account.pk),
        record=journal.record_for(account.pk, company_id),
        breaker=Breaker(str(account.pk), provider=account.provider),
    )


def retell(account: ProviderAccount, *, company_id: UUID | None) -> RetellClient:
    """Return the client of a Retell account.

    :param company_id: whose rows its exchanges become; None: the platform's.
    """
    return RetellClient(
        account.base_url,
        api_key=account.api_key,
        account_key=str(account.pk),
        record=journal.record_for(account.pk, company_id),
        breaker=Breaker(str(account.pk), provider=account.provider),
    )
