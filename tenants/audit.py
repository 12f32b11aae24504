"""The audit trail: who did what, when and from where."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils import timezone

from askpro import actor, correlation
from tenants.models import AuditEntry
from tenants.scoping import every_company, scope

Action = AuditEntry.Action
EXPIRE_BATCH = 5000


def record(
    action: Action,
    *,
    company_id: UUID | None,
    subject: str = "",
    subject_id: str = "",
    changes: dict[str, Any] | None = None,
) -> None:
    """Write down one act of whoever acts in this context.

    Changes of business rows are written by the database itself; this is for what
    leaves no row: sign-ins, key uses, exports, queries, readings.

    :param company_id: whose trail it belongs to; None for the platform's own.
    """
    who = actor.current()
    entry = AuditEntry(
        company_id=company_id,
        actor=who.kind,
        actor_name=who.name[:160],
        address=who.address,
        correlation_id=correlation.current(),
        action=action,
        subject=subject,
        subject_id=subject_id,
        changes=changes or {},
    )
    with scope(company_id) if company_id else every_company():
        entry.save(force_insert=True)


def expire() -> int:
    """Delete entries older than ``AUDIT_RETENTION_DAYS``, in batches; return how many.

    Only a function of the tables' owner can: the application may not delete any.

    :raises ProgrammingError: that is less than 30 days; nothing was deleted.
    """
    limit = timezone.now() - timedelta(days=settings.AUDIT_RETENTION_DAYS)
    gone = 0
    with every_company():
        while batch := _expire_batch(limit):
            gone += batch
    return gone


def _expire_batch(limit: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT audit_expire(%s, %s)", [limit, EXPIRE_BATCH])
        return int(cursor.fetchone()[0])
