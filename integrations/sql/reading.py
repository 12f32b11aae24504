"""``query``: one SELECT of one company's rows, by a login that can do nothing else."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.db import connections
from django.utils import timezone
from django.utils.translation import gettext as _
from psycopg import errors

from askpro.errors import AskProError
from integrations.models import SqlTicket
from integrations.sql import parsing
from integrations.sql.parsing import QueryRefused
from integrations.sql.views import SCHEMA, VIEWS
from tenants import audit, scoping
from tenants.scoping import ScopeMissing, scope

TIMEOUT_S = 2.0
MOST_ROWS = 1_000
MOST_BYTES = 1_000_000
CHUNK = 50
#: A ticket outlives its query only where the process was killed.
STALE_AFTER = timedelta(minutes=1)

#: What the reader's session is told at its start; a query can't say any of it.
_SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": SCHEMA,
    "lock_timeout": "500",
    "idle_in_transaction_session_timeout": "5000",
    "idle_session_timeout": "5000",
    "work_mem": "4MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "application_name": "askpro-sql",
}


class QueryFailed(AskProError):
    """PostgreSQL could not answer; the message says what to change."""


@dataclass(frozen=True)
class Rows:
    """What a query found."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    is_cut: bool  # more was found than is told
    duration_ms: int


def query(sql: str, bindings: Sequence[Any] = ()) -> Rows:
    """Run one SELECT over the views of :mod:`integrations.sql.views`.

    Run inside one company's scope, and outside a transaction: the rows are that
    company's, whatever the text says. Every query leaves an entry in the audit trail.

    :param sql: with ``?`` or ``%s`` for each value.
    :param bindings: the values: texts, numbers, booleans, dates or None.
    :raises ScopeMissing: not in one company's scope; nothing was run.
    :raises QueryRefused: the query may not be run; nothing was run.
    :raises QueryFailed: PostgreSQL ended it; nothing came back.
    """
    company_id = scoping.current_company()
    if company_id is None:
        raise ScopeMissing("Reading by SQL needs one company's scope.")
    if connections["default"].in_atomic_block:
        raise RuntimeError(
            "the ticket must be seen by another connection: commit first"
        )
    started = time.monotonic()
    outcome, found = "refused", None
    try:
        checked = parsing.checked(sql, len(bindings))
        outcome = "failed"
        found = _run(company_id, checked, bindings, started)
        outcome = "ok"
    finally:
        _record(company_id, sql, outcome, found, started)
    return found


def _run(
    company_id: UUID, query: parsing.Query, bindings: Sequence[Any], started: float
) -> Rows:
    try:
        with (
            _reader(company_id) as reader,
            reader.transaction(force_rollback=True),
            psycopg.RawServerCursor(reader, "asked") as cursor,
        ):
            cursor.execute(query.text.encode(), _sendable(bindings))
            names = tuple(column.name for column in cursor.description or ())
            rows, is_cut = _fetched(cursor)
    except psycopg.Error as error:
        raise QueryFailed(_told(error, query)) from None
    duration_ms = int((time.monotonic() - started) * 1000)
    return Rows(names, tuple(rows), is_cut, duration_ms)


@contextmanager
def _reader(company_id: UUID) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """Open a connection that sees one company, and throw it away afterwards.

    A connection of its own for each query: whatever one did to it, no other meets it.
    """
    token = uuid4()
    settings = _SETTINGS | {
        "statement_timeout": str(int(TIMEOUT_S * 1000)),
        "askpro.ticket": str(token),
    }
    parameters: dict[str, Any] = connections["reader"].get_connection_params() | {
        "cursor_factory": psycopg.Cursor,
        "autocommit": True,
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    parameters.pop("pool", None)
    with psycopg.connect(**parameters) as reader, scope(company_id):
        SqlTicket.objects.filter(at__lt=timezone.now() - STALE_AFTER).delete()
        ticket = SqlTicket.objects.create(
            token=token, company_id=company_id, pid=reader.info.backend_pid
        )
        try:
            yield reader
        finally:
            SqlTicket.objects.filter(pk=ticket.pk).delete()


def _sendable(bindings: Sequence[Any]) -> list[Any]:
    for value in bindings:
        if isinstance(value, str) and "\0" in value:
            raise QueryRefused(_("A value holds a sign that no text may have."))
        if isinstance(value, list | dict | bytes):
            raise QueryRefused(_("A value is a text, a number, a date, true or false."))
    return list(bindings)


def _fetched(cursor: Any) -> tuple[list[tuple[Any, ...]], bool]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    while chunk := cursor.fetchmany(CHUNK):
        for row in chunk:
            size += sum(len(str(value)) for value in row)
            if len(rows) >= MOST_ROWS or size > MOST_BYTES:
                return rows, True
            rows.append(row)
    return rows, False


def _told(error: psycopg.Error, query: parsing.Query) -> str:
    """Say what to change. PostgreSQL's own words may hold values: they are not told."""
    if isinstance(error, errors.QueryCanceled):
        return _(
            "The query took longer than %(seconds)d s. Narrow it: a shorter period,"
            " fewer views."
        ) % {"seconds": int(TIMEOUT_S)}
    if isinstance(error, errors.UndefinedColumn | errors.AmbiguousColumn):
        columns = "; ".join(
            f"{name}: {', '.join(one.name for one in VIEWS[name].columns)}"
            for name in query.views
        )
        return _("A column is unknown or not clear. There are: %(columns)s.") % {
            "columns": columns
        }
    if isinstance(error, errors.GroupingError):
        return _("A column must stand in GROUP BY or in a function such as max().")
    if isinstance(
        error, errors.UndefinedFunction | errors.DatatypeMismatch | errors.DataError
    ):
        return _("Types do not fit: compare texts with texts, times with times.")
    if isinstance(error, psycopg.OperationalError):
        return _("The database can't be reached at the moment. Try again.")
    return _("PostgreSQL can't run this query. Make it simpler.")


def _record(
    company_id: UUID, sql: str, outcome: str, found: Rows | None, started: float
) -> None:
    """Keep who asked what, without the values that stood in the text."""
    audit.record(
        audit.Action.QUERIED,
        company_id=company_id,
        subject="sql",
        changes={
            "query": parsing.shape(sql)[:2000],
            "outcome": outcome,
            "rows": len(found.rows) if found else 0,
            "duration_ms": int((time.monotonic() - started) * 1000),
        },
    )
