"""Deliveries, counted where they are seen and written down once a second.

A repeat leaves no row, and an acknowledgement no trace: both are counted here.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import (
    DatabaseError,
    IntegrityError,
    InterfaceError,
    connection,
    transaction,
)

from askpro.ids import uuid7
from tenants import nudger
from tenants.scoping import every_company, let_go
from webhooks.models import WebhookCount

logger = logging.getLogger(__name__)

FLUSH_S = 1.0
_BUCKETS = len(WebhookCount.BOUNDS_MS) + 1


@dataclass
class Tally:
    """What one process saw of an account's event in a minute."""

    company_id: UUID | None
    received: int = 0
    duplicates: int = 0
    processed: int = 0
    failed: Counter[str] = field(default_factory=Counter)  # by reason
    acknowledged: list[int] = field(default_factory=lambda: [0] * _BUCKETS)

    def add(self, more: Tally) -> None:
        """Count what another tally counted, too."""
        self.received += more.received
        self.duplicates += more.duplicates
        self.processed += more.processed
        self.failed += more.failed
        pairs = zip(self.acknowledged, more.acknowledged, strict=True)
        self.acknowledged = [mine + other for mine, other in pairs]


_Key = tuple[UUID, str, datetime]
_tallies: dict[_Key, Tally] = {}
_counting = threading.Lock()
_flushed_at = 0.0

REASONS = ("never", "later", "person")
#: What is written of an event, and in which order.
COLUMNS = """(id, account_id, event, at, company_id, received, duplicates, processed,
    failed, failed_never, failed_later, failed_person, acknowledged)"""
#: Adds to what is written of the same time already.
ADDS = """
ON CONFLICT ON CONSTRAINT count_once_per_minute DO UPDATE SET
    received = known.received + excluded.received,
    duplicates = known.duplicates + excluded.duplicates,
    processed = known.processed + excluded.processed,
    failed = known.failed + excluded.failed,
    failed_never = known.failed_never + excluded.failed_never,
    failed_later = known.failed_later + excluded.failed_later,
    failed_person = known.failed_person + excluded.failed_person,
    acknowledged = ARRAY(
        SELECT mine + more FROM unnest(known.acknowledged, excluded.acknowledged)
            WITH ORDINALITY AS both_of(mine, more, place) ORDER BY place)
"""
_ADD = f"""
INSERT INTO webhooks_webhookcount AS known {COLUMNS}
VALUES ({", ".join(["%s"] * 13)}) {ADDS}
"""  # noqa: S608 (own text)


def received(
    account_id: UUID, company_id: UUID | None, event: str, *, is_new: bool, ms: float
) -> None:
    """Count a delivery that was acknowledged after ``ms`` milliseconds."""
    bucket = bisect_left(WebhookCount.BOUNDS_MS, ms)
    with _counting:
        tally = _tally(account_id, company_id, event)
        tally.received += 1
        tally.duplicates += not is_new
        tally.acknowledged[bucket] += 1
    nudger.run_soon(flush)


def settled(
    account_id: UUID, company_id: UUID | None, event: str, *, failed_for: str = ""
) -> None:
    """Count a delivery that came to its end.

    :param failed_for: the reason class where that end was a failure.
    """
    with _counting:
        tally = _tally(account_id, company_id, event)
        tally.processed += 1
        if failed_for:
            tally.failed[failed_for] += 1
    nudger.run_soon(flush)


def _tally(account_id: UUID, company_id: UUID | None, event: str) -> Tally:
    minute = datetime.now(UTC).replace(second=0, microsecond=0)
    return _tallies.setdefault((account_id, event[:64], minute), Tally(company_id))


def flush(*, is_last: bool = False) -> None:
    """Write what was counted, if a second has passed; keep it where that fails."""
    global _flushed_at
    if not is_last and time.monotonic() < _flushed_at + FLUSH_S:
        nudger.run_soon(flush)
        return
    _flushed_at = time.monotonic()
    with _counting:
        taken = dict(_tallies)
        _tallies.clear()
    try:
        _write_or_keep(taken, is_last=is_last)
    finally:
        let_go()


def _write_or_keep(taken: Mapping[_Key, Tally], *, is_last: bool) -> None:
    try:
        _write(taken)
    except IntegrityError:
        if len(taken) == 1:
            # The account is gone: so is what was to be counted of it.
            logger.warning("deliveries of an account that is gone were not counted")
            return
        for key, one in taken.items():
            _write_or_keep({key: one}, is_last=is_last)
    except (DatabaseError, InterfaceError):
        if not is_last:
            _put_back(taken)


def _write(taken: Mapping[_Key, Tally]) -> None:
    # Sorted, so that two processes never wait for each other in a circle.
    rows: list[list[Any]] = [
        [
            uuid7(),
            *key,
            *(one.company_id, one.received, one.duplicates, one.processed),
            one.failed.total(),
            *(one.failed[reason] for reason in REASONS),
            one.acknowledged,
        ]
        for key, one in sorted(taken.items(), key=lambda item: str(item[0]))
    ]
    if rows:
        with every_company(), transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_ADD, rows)


def _put_back(taken: Mapping[_Key, Tally]) -> None:
    with _counting:
        for key, one in taken.items():
            _tallies.setdefault(key, Tally(one.company_id)).add(one)


atexit.register(flush, is_last=True)
