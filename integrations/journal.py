"""The rows of what we asked providers, and how long a piece of work waited for them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from integrations.http import Exchange
from integrations.models import ProviderRequest
from tenants.scoping import every_company, scope

logger = logging.getLogger(__name__)


@dataclass
class Upstream:
    """The time that a piece of work spent waiting for providers."""

    ms: int = 0


_counted: ContextVar[Upstream | None] = ContextVar("askpro_upstream", default=None)


@contextmanager
def counting() -> Iterator[Upstream]:
    """Count what providers take in the block, in this thread."""
    upstream = Upstream()
    token = _counted.set(upstream)
    try:
        yield upstream
    finally:
        _counted.reset(token)


def record_for(
    account_id: UUID | None, company_id: UUID | None
) -> Callable[[Exchange], None]:
    """Return what keeps a client's exchanges as rows of this account and company."""

    def record(exchange: Exchange) -> None:
        upstream = _counted.get()
        if upstream is not None:
            upstream.ms += exchange.duration_ms
        try:
            _keep(exchange, account_id, company_id)
        except (DatabaseError, InterfaceError):
            # The request itself went as it went: that is what the caller needs.
            logger.exception(
                "a provider request was not recorded",
                extra={"provider": exchange.provider, "outcome": exchange.outcome},
            )

    return record


def _keep(exchange: Exchange, account_id: UUID | None, company_id: UUID | None) -> None:
    row = ProviderRequest(
        company_id=company_id,
        account_id=account_id,
        provider=exchange.provider,
        correlation_id=exchange.correlation_id[:120],
        method=exchange.method,
        path=exchange.path[:300],
        status=exchange.status,
        outcome=exchange.outcome,
        error=exchange.error[:300],
        at=timezone.now() - timedelta(milliseconds=exchange.duration_ms),
        duration_ms=exchange.duration_ms,
    )
    wall = every_company() if company_id is None else scope(company_id)
    was_held = connection.connection is not None
    # In an open transaction a failed INSERT must not break the rest of it.
    savepoint: AbstractContextManager[None] = nullcontext()
    if connection.in_atomic_block:
        savepoint = transaction.atomic()
    try:
        with wall, savepoint:
            row.save(force_insert=True)
    finally:
        if not was_held:
            # The next request may follow at once, and waits without a connection.
            connection.close()
