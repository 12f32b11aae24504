"""Whose is it? The only look across companies before one is known: ids come back."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from tenants.database.standing import StandingStatement
from tenants.models import ApiKey, Membership, ProviderAccount
from tenants.scoping import every_company

#: Asked first in every call, while somebody waits.
_OWNER = StandingStatement("""
SELECT number.company_id, number.branch_id
FROM tenants_phonenumber number
JOIN tenants_branch branch ON branch.id = number.branch_id
JOIN tenants_company company ON company.id = number.company_id
WHERE number.number = %s
    AND number.is_active AND branch.is_active AND company.is_active
""")


@dataclass(frozen=True)
class Owner:
    """The branch that answers a number, and its company."""

    company_id: UUID
    branch_id: UUID


@dataclass(frozen=True)
class KeyIds:
    """A machine's key, and whose it is."""

    company_id: UUID
    key_id: UUID


def owner_of_number(number: str, *, within: UUID | None = None) -> Owner | None:
    """Return who answers this number, matched exactly; None if nobody does.

    :param number: E.164.
    :param within: the company that the verifying account is bound to, if it is.
    """
    with every_company(with_probes=True):
        found = _OWNER.run([number])
    if found is None or (within is not None and found[0] != within):
        return None
    return Owner(*found)


def account_of(provider: str, endpoint: UUID | None) -> UUID | None:
    """Return the active account of this webhook address.

    :param endpoint: the account's own; None for the platform's account.
    """
    accounts = ProviderAccount.objects.filter(provider=provider, is_active=True)
    with every_company(with_probes=True):
        if endpoint is None:
            found = accounts.filter(company__isnull=True)
        else:
            found = accounts.filter(endpoint=endpoint)
        return found.values_list("id", flat=True).first()


def key_of_digest(digest: bytes) -> KeyIds | None:
    """Return whose key this is, whatever its state; None if nobody made it."""
    return next(iter(_keys(digest=digest)), None)


def keys_of_prefix(prefix: str) -> list[KeyIds]:
    """Return the keys that an operator names by what is shown of them."""
    return _keys(prefix=prefix)


def _keys(**which: object) -> list[KeyIds]:
    with every_company(with_probes=True):
        found = ApiKey.objects.filter(**which).order_by()
        return [KeyIds(*ids) for ids in found.values_list("company_id", "id")]


def companies_of(user_id: int) -> list[UUID]:
    """Return the companies in which this person may work, oldest first."""
    with every_company(with_probes=True):
        return list(
            Membership.objects.filter(user_id=user_id, company__is_active=True)
            .order_by("id")
            .values_list("company_id", flat=True)
        )


def owns_a_company(user_id: int) -> bool:
    """Tell whether this person is an owner anywhere."""
    with every_company(with_probes=True):
        return Membership.objects.filter(
            user_id=user_id, company__is_active=True, role=Membership.Role.OWNER
        ).exists()
