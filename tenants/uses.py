"""When a key or a secret was last used: written by a worker, at most once a minute."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import salted_hmac

from tenants import nudger
from tenants.memory import Memory
from tenants.models import ApiKey, ProviderAccount
from tenants.scoping import every_company, scope

#: A row is touched at most this often, however many processes see its key.
EVERY_S = 60.0
#: The columns of an account's secrets, and of their last uses.
SECRETS = (
    ("webhook_secret", "secret_used_at"),
    ("webhook_secret_previous", "secret_previous_used_at"),
)

_noted: Memory[bool] = Memory(most=10_000)


def note_key(key_id: UUID, *, company_id: UUID, address: str | None) -> None:
    """Have a worker write that a key was used; returns at once and never raises.

    It may be lost: another use will be noted.
    """
    if _noted.claim(key_id, True, for_s=EVERY_S):
        nudger.nudge(
            "tenants.note_key_use",
            key_id=str(key_id),
            company_id=str(company_id),
            at=timezone.now().isoformat(),
            address=address,
        )


def write_key(
    key_id: str, *, company_id: str, at: datetime, address: str | None
) -> bool:
    """Write a key's use down; False where one was, less than a minute before."""
    with scope(company_id):
        keys = ApiKey.objects.filter(_is_due("last_used_at", at), pk=key_id)
        return keys.update(last_used_at=at, last_used_from=address) == 1


def note_secret(account_id: UUID, *, company_id: UUID | None, secret: str) -> None:
    """Have a worker write that a webhook secret of an account was used, likewise.

    :param company_id: whose account it is; None for the platform's own.
    """
    if _noted.claim((account_id, hash(secret)), True, for_s=EVERY_S):
        nudger.nudge(
            "tenants.note_secret_use",
            account_id=str(account_id),
            company_id=str(company_id) if company_id else None,
            at=timezone.now().isoformat(),
            mark=mark_of(secret),
        )


def mark_of(secret: str) -> str:
    """Return what tells a secret from another one, to those alone who have both."""
    return salted_hmac("tenants.uses", secret, algorithm="sha256").hexdigest()[:16]


def write_secret(
    account_id: str, *, company_id: str | None, at: datetime, mark: str
) -> bool:
    """Write a secret's use down, wherever it stands after a rotation meanwhile."""
    with scope(company_id) if company_id else every_company():
        accounts = ProviderAccount.objects.filter(pk=account_id)
        for account in accounts:
            for name, column in SECRETS:
                if mark_of(getattr(account, name)) == mark:
                    due = accounts.filter(_is_due(column, at))
                    return due.update(**{column: at}) == 1
    return False


def _is_due(column: str, at: datetime) -> Q:
    before = at - timedelta(seconds=EVERY_S)
    return Q(**{f"{column}__isnull": True}) | Q(**{f"{column}__lt": before})


def after_change(
    account: ProviderAccount, secret: str, previous: str
) -> dict[str, datetime | None]:
    """Return the times of last use that go with an account's new secrets.

    A time belongs to its secret and moves with it; a new secret was never used.
    """
    used = {getattr(account, name): getattr(account, at) for name, at in SECRETS}
    used.pop("", None)
    return {
        "secret_used_at": used.get(secret),
        "secret_previous_used_at": used.get(previous),
    }
