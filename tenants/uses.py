"""When a key or a secret was last used: written by a worker, at most once a minute."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from tenants import nudger
from tenants.memory import Memory
from tenants.models import ApiKey, ProviderAccount
from tenants.scoping import every_company, scope

#: A row is touched at most this often, however many processes see its key.
EVERY_S = 60.0
#: The columns that may be written: when, and where from.
COLUMNS: dict[str, tuple[type[models.Model], str | None]] = {
    "last_used_at": (ApiKey, "last_used_from"),
    "secret_used_at": (ProviderAccount, None),
    "secret_previous_used_at": (ProviderAccount, None),
}

_noted: Memory[bool] = Memory(most=10_000)


def note(
    column: str, pk: UUID, *, company_id: UUID | None, address: str | None = None
) -> None:
    """Have a worker write that this row's key was used; returns at once, never raises.

    It may be lost: another use will be noted.

    :param column: one of :data:`COLUMNS`.
    :param company_id: whose row it is; None for the platform's own.
    """
    if _noted.claim((column, pk), True, for_s=EVERY_S):
        nudger.nudge(
            "tenants.note_use",
            column=column,
            pk=str(pk),
            company_id=str(company_id) if company_id else None,
            at=timezone.now().isoformat(),
            address=address,
        )


def write(
    column: str, pk: str, *, company_id: str | None, at: str, address: str | None
) -> bool:
    """Write a use down; False where one was, less than a minute before."""
    model, from_column = COLUMNS[column]
    used_at = parse_datetime(at)
    assert used_at is not None
    is_due = Q(**{f"{column}__isnull": True}) | Q(
        **{f"{column}__lt": used_at - timedelta(seconds=EVERY_S)}
    )
    values = {column: used_at} | ({from_column: address} if from_column else {})
    with scope(company_id) if company_id else every_company():
        rows = model._default_manager.filter(pk=pk)
        return rows.filter(is_due).update(**values) == 1
