"""What workers do for the house itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from celery import shared_task

from tenants import redis, uses
from tenants.isolation import ways

logger = logging.getLogger(__name__)

#: Longer than a run takes; two at once would take each other's rows away.
LOCK_S = 300


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


@shared_task(name="tenants.isolation_check")
def isolation_check(**_newer: Any) -> None:
    """Try to get from one company to another, and keep what came of it."""
    with one_at_a_time() as is_mine:
        if not is_mine:
            return
        run = ways.run()
    if run.refused < run.tried:
        logger.error(
            "the break-in test found a way",
            extra={"tried": run.tried, "refused": run.refused},
        )


@contextmanager
def one_at_a_time() -> Iterator[bool]:
    """Tell whether nobody else tries at this moment."""
    key = redis.platform_key("isolation_check")
    is_mine = redis.ask(
        lambda r: bool(r.set(key, "1", nx=True, ex=LOCK_S)), otherwise=True
    )
    try:
        yield is_mine
    finally:
        if is_mine:
            redis.ask(lambda r: r.delete(key), otherwise=None)
