"""``query``: one SELECT of one company's rows, by a login that can do nothing else."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from datetime import time as clock_time
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from django.db import connections
from django.utils.translation import gettext as _
from psycopg import errors

from askpro.errors import AskProError
from integrations.sql import allowed, masking, parsing
from integrations.sql.reader import TIMEOUT_S, reader
from integrations.sql.refusals import QueryRefused
from integrations.sql.views import VIEWS
from tenants import audit, scoping
from tenants.scoping import ScopeMissing

MOST_ROWS = 1_000
MOST_BYTES = 1_000_000
MOST_COLUMNS = 100
#: Values that may be bound; a bool is an int, a datetime is a date.
BINDABLE = (str, int, float, Decimal, date, clock_time, UUID)


#: What ends at a limit of PostgreSQL's own.
_TOO_MUCH = (
    errors.ConfigurationLimitExceeded,
    errors.DiskFull,
    errors.OutOfMemory,
    errors.ProgramLimitExceeded,
    errors.StatementTooComplex,
    errors.TooManyColumns,
)


class QueryFailed(AskProError):
    """PostgreSQL could not answer; the message says what to change."""


class Heading(NamedTuple):
    """A column of the answer: its name, and PostgreSQL's name of its type."""

    name: str
    type: str


@dataclass(frozen=True)
class Rows:
    """What a query found."""

    columns: tuple[Heading, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool  # more was found than is told
    duration_ms: int


def query(sql: str, bindings: Sequence[Any] = ()) -> Rows:
    """Run one SELECT over the views of :mod:`integrations.sql.views`.

    Run inside one company's scope, and outside a transaction: the rows are that
    company's, whatever the text says. Every query leaves an entry in the audit trail.

    :param sql: with ``?`` or ``%s`` for each value.
    :param bindings: the values: texts, numbers, booleans, dates, ids or None.
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
        values = _bound(bindings)
        outcome = "failed"
        found = _run(company_id, checked, values, started)
        outcome = "ok"
    finally:
        _record(company_id, sql, outcome, found, started)
    return found


def _bound(bindings: Sequence[Any]) -> list[Any]:
    """Return the values.

    :raises QueryRefused: one is of no type that a query compares, or they are too long.
    """
    for value in bindings:
        if value is not None and not isinstance(value, BINDABLE):
            raise QueryRefused(_("A value is a text, a number, a date, true or false."))
        if isinstance(value, int) and value.bit_length() > 1_000:
            raise QueryRefused(_("A value is too long."))
        if isinstance(value, str) and not _is_text(value):
            raise QueryRefused(_("A value holds a sign that no text may have."))
    if sum(len(str(value)) for value in bindings) > allowed.LONGEST_BINDINGS:
        raise QueryRefused(_("A value is too long."))
    return list(bindings)


def _is_text(value: str) -> bool:
    """Tell whether PostgreSQL can keep it: no zero, no half of a pair."""
    return "\0" not in value and not any("\ud800" <= sign <= "\udfff" for sign in value)


def _run(
    company_id: UUID, asked: parsing.Query, values: list[Any], started: float
) -> Rows:
    try:
        with (
            reader(company_id) as connection,
            connection.transaction(force_rollback=True),
            connection.cursor() as cursor,
        ):
            columns = _headings(cursor, asked.text, values)
            # Row by row: what is not read is never sent, and one time-out bounds all.
            with closing(_streamed(cursor, asked.text, values)) as found:
                rows, truncated = _taken(found)
    except psycopg.Error as error:
        raise QueryFailed(_told(error, asked)) from None
    duration_ms = int((time.monotonic() - started) * 1000)
    return Rows(columns, tuple(rows), truncated, duration_ms)


def _headings(cursor: Any, text: str, values: list[Any]) -> tuple[Heading, ...]:
    """Return what the answer will consist of; nothing is looked up for it.

    :raises QueryRefused: its rows would be too wide.
    """
    cursor.execute(f"SELECT * FROM ({text}) AS asked LIMIT 0", values)  # noqa: S608 (checked)
    columns = cursor.description
    if len(columns) > MOST_COLUMNS:
        raise QueryRefused(
            _("At most %(most)d columns can be shown.") % {"most": MOST_COLUMNS}
        )
    return tuple(Heading(one.name, one.type_display) for one in columns)


def _streamed(cursor: Any, text: str, values: list[Any]) -> Generator[tuple[Any, ...]]:
    yield from cursor.stream(text.encode(), values)


def _taken(found: Iterable[tuple[Any, ...]]) -> tuple[list[tuple[Any, ...]], bool]:
    rows: list[tuple[Any, ...]] = []
    size = 0
    for row in found:
        size += sum(len(str(value).encode()) for value in row)
        if len(rows) >= MOST_ROWS or size > MOST_BYTES:
            return rows, True
        rows.append(row)
    return rows, False


def _told(error: psycopg.Error, asked: parsing.Query) -> str:
    """Say what to change. PostgreSQL's own words may hold values: they are not told."""
    if isinstance(error, errors.QueryCanceled):
        return _(
            "The query took longer than %(seconds)d s. Narrow it: a shorter period,"
            " fewer views."
        ) % {"seconds": int(TIMEOUT_S)}
    if isinstance(error, errors.UndefinedColumn | errors.AmbiguousColumn):
        columns = "; ".join(
            f"{name}: {', '.join(one.name for one in VIEWS[name].columns)}"
            for name in asked.views
        )
        return _("A column is unknown or not clear. There are: %(columns)s.") % {
            "columns": columns or "–"
        }
    if isinstance(error, errors.GroupingError):
        return _("A column must stand in GROUP BY or in a function such as max().")
    if isinstance(error, errors.DivisionByZero):
        return _("It divides by zero: write nullif(…, 0) after the stroke.")
    if isinstance(
        error, errors.UndefinedFunction | errors.DatatypeMismatch | errors.DataError
    ):
        return _("Types do not fit: compare texts with texts, times with times.")
    if isinstance(error, _TOO_MUCH):
        return _("The query needs too much room. Narrow it: fewer rows, fewer columns.")
    if isinstance(error, psycopg.OperationalError):
        return _("The database can't be reached at the moment. Try again.")
    return _("PostgreSQL can't run this query. Make it simpler.")


def _record(
    company_id: UUID, sql: str, outcome: str, found: Rows | None, started: float
) -> None:
    """Keep who asked what, without the values that stood in the text."""
    facts = {
        "query": masking.shape(sql),
        "outcome": outcome,
        "rows": len(found.rows) if found else 0,
        "duration_ms": int((time.monotonic() - started) * 1000),
    }
    audit.record(
        audit.Action.QUERIED,
        company_id=company_id,
        subject="SQL",
        changes={name: [None, fact] for name, fact in facts.items()},
    )
