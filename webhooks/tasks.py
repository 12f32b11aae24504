"""Nudges: work on what is due. The rows say what that is; the sweep repeats."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction

from tenants.nudger import nudge_batch
from tenants.scoping import every_company
from webhooks import claims, processing, quarantine, reconcile, retention

SWEEP_LOCK = 7_305_002


@shared_task(name="webhooks.process")
def process(**_newer: Any) -> None:
    """Work on what is due, batch by batch, until nothing is."""
    while batch := claims.claim():
        processing.work_on(batch)


@shared_task(name="webhooks.sweep")
def sweep(**_newer: Any) -> None:
    """Nudge where something has been due for a second and nobody took it."""
    with every_company(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SWEEP_LOCK])
            is_mine = cursor.fetchone()[0]
        is_needed = is_mine and claims.is_anything_late()
    if is_needed:
        nudge_batch("webhooks.process")


@shared_task(name="webhooks.expire")
def expire(**_newer: Any) -> None:
    """Forget what was said long enough ago."""
    retention.expire()


@shared_task(name="webhooks.ask_for_missing")
def ask_for_missing(**_newer: Any) -> None:
    """Ask for the events that calls lack; work on what belonged to nobody yet."""
    quarantine.release()
    reconcile.ask_for_missing()


@shared_task(name="webhooks.poll")
def poll(**_newer: Any) -> None:
    """Have every account asked for what it did not tell."""
    reconcile.poll_soon()


@shared_task(name="webhooks.poll_account")
def poll_account(*, account_id: str, **_newer: Any) -> None:
    """Ask one account."""
    reconcile.poll(UUID(account_id))
