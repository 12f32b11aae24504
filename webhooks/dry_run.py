"""What working on a delivery again would change: done for real, then rolled back.

Providers may be asked, never told. Every row that the handler touches is found by
PostgreSQL itself: those that its transaction wrote.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, connections, transaction

from askpro import correlation
from askpro.errors import AskProError
from integrations.http import reading_only
from tenants.resolver import Owner
from tenants.scoping import let_go, scope, tell
from webhooks import processing, providers
from webhooks.handlers import Handler, StoredDelivery

_WRITES = re.compile(r'\s*(INSERT INTO|UPDATE|DELETE FROM)\s+"?(\w+)"?', re.IGNORECASE)
#: The trail of who changed what would name the rehearsal itself.
_LEFT_OUT = {"tenants_auditentry"}

Row = dict[str, Any]
Rows = dict[str, dict[str, Row]]


@dataclass(frozen=True)
class Change:
    """A row that would be added (no ``before``), changed, or deleted (no ``after``)."""

    table: str
    id: str
    before: Row | None
    after: Row | None

    @property
    def columns(self) -> dict[str, list[Any]]:
        """What differs: ``{column: [before, after]}``."""
        before, after = self.before or {}, self.after or {}
        return {
            name: [before.get(name), after.get(name)]
            for name in sorted(before | after)
            if before.get(name) != after.get(name)
        }


@dataclass(frozen=True)
class DryRun:
    """What came out: changes, or the words of what went wrong."""

    log_id: UUID
    company_id: UUID | None = None
    changes: tuple[Change, ...] = ()
    error: str = ""


@dataclass
class _Touched:
    written: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)

    def note(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """Remember the table of a statement that writes."""
        found = _WRITES.match(sql)
        if found:
            table = found[2].lower()
            is_gone = found[1].upper() == "DELETE FROM"
            (self.deleted if is_gone else self.written).add(table)
        return execute(sql, *rest)


def of(log_id: UUID) -> DryRun:
    """Work on a delivery without any effect, and return what it would change."""
    log = processing.read(log_id)
    with correlation.bound(log.correlation_id), reading_only():
        try:
            delivery = processing.stored(log)
            handler = providers.named(log.provider).handler_of(log.event)
            owner = handler.resolve(delivery)
            let_go()
            facts = handler.look(delivery, owner)
            changes = _changes(handler, delivery, owner, facts)
        except AskProError as error:
            return DryRun(log_id, error=f"{type(error).__name__}: {error}")
    return DryRun(log_id, owner.company_id, changes)


def _changes(
    handler: Handler, delivery: StoredDelivery, owner: Owner, facts: Any
) -> tuple[Change, ...]:
    touched = _Touched()
    with scope(owner.company_id):
        with _rolled_back() as first_id:
            with connection.execute_wrapper(touched.note):
                handler.apply(delivery, owner, facts)
            tables = (touched.written | touched.deleted) - _LEFT_OUT
            after = {table: _written(table, first_id) for table in sorted(tables)}
            left = {table: _ids(table) for table in touched.deleted & tables}
        with transaction.atomic():
            before = {table: _rows(table, rows) for table, rows in after.items()}
            gone = {
                table: _rows(table, _ids(table) - ids) for table, ids in left.items()
            }
    return tuple(_told(before, after, gone))


@contextmanager
def _rolled_back() -> Iterator[str]:
    """Yield the id of a transaction that sees nobody else's rows and leaves none."""
    # Outside: inside, nothing may come before the level.
    tell(connections["default"])
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT pg_current_xact_id()::xid::text")
            first_id: str = cursor.fetchone()[0]
        yield first_id
        transaction.set_rollback(True)


def _written(table: str, first_id: str) -> dict[str, Row]:
    """Return the rows that this transaction, or a savepoint of it, wrote."""
    return _read(table, "age(xmin) <= age(%s::xid)", [first_id])


def _rows(table: str, ids: Iterable[str]) -> dict[str, Row]:
    return _read(table, f"{_key(table)}::text = ANY (%s)", [list(ids)])


def _ids(table: str) -> set[str]:
    name = connection.ops.quote_name(table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_key(table)}::text FROM {name}")  # noqa: S608 (ours)
        return {pk for (pk,) in cursor.fetchall()}


def _read(table: str, condition: str, values: list[Any]) -> dict[str, Row]:
    name = connection.ops.quote_name(table)
    key = _key(table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {key}::text, to_jsonb(t)::text FROM {name} t"  # noqa: S608 (ours)
            f" WHERE {condition}",
            values,
        )
        return {pk: json.loads(row) for pk, row in cursor.fetchall()}


def _key(table: str) -> str:
    return "log_id" if table == "webhooks_webhookbody" else "id"


def _told(before: Rows, after: Rows, gone: Rows) -> Iterator[Change]:
    for table, rows in after.items():
        for pk, row in rows.items():
            yield Change(table, pk, before[table].get(pk), row)
    for table, rows in gone.items():
        for pk, row in rows.items():
            yield Change(table, pk, row, None)
