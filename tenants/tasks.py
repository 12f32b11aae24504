"""What workers do for the house itself."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from celery import shared_task

from tenants import uses


@shared_task(name="tenants.note_key_use", acks_late=True)
def note_key_use(
    *, key_id: str, company_id: str, at: str, address: str | None, **_newer: Any
) -> None:
    """Write down when a machine's key was last used, and where from."""
    uses.write_key(
        key_id,
        company_id=company_id,
        at=datetime.fromisoformat(at),
        address=address,
    )


@shared_task(name="tenants.note_secret_use", acks_late=True)
def note_secret_use(
    *, account_id: str, company_id: str | None, at: str, mark: str, **_newer: Any
) -> None:
    """Write down when a webhook secret was last used."""
    uses.write_secret(
        account_id,
        company_id=company_id,
        at=datetime.fromisoformat(at),
        mark=mark,
    )
