"""What workers do for the house itself."""

from __future__ import annotations

from typing import Any

from celery import shared_task

from tenants import uses


@shared_task(name="tenants.note_use", acks_late=True)
def note_use(
    *,
    column: str,
    pk: str,
    company_id: str | None,
    at: str,
    address: str | None = None,
    **_newer: Any,
) -> None:
    """Write down when a key or a secret was last used."""
    uses.write(column, pk, company_id=company_id, at=at, address=address)
