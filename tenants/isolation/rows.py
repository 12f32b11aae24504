"""From one company's scope to the other's rows: by the ORM, by text, by tricks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from django.db import DatabaseError, connection, models, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext_noop

from tenants import redis
from tenants.isolation.probes import Probe, Probes
from tenants.isolation.ways import Attempt, way
from tenants.models import Company
from tenants.scoping import ScopeMissing, scope


class _Undone(Exception):
    """Ends a block whose writes shall not stay."""


def undone(write: Callable[[], object]) -> object:
    """Return what a write returns, after it was rolled back."""
    found: object = None
    try:
        with transaction.atomic():
            found = write()
            raise _Undone
    except _Undone:
        return found


def refuses(write: Callable[[], object]) -> bool:
    """Tell whether the database refuses a write."""
    try:
        undone(write)
    except (DatabaseError, ProtectedError):
        return True
    return False


def unchanged(probe: Probe, attempt: Callable[[], bool]) -> bool:
    """Tell whether an attempt was refused and left every row of the probe as it was."""
    before = _everything(probe)
    return attempt() and _everything(probe) == before


def _everything(probe: Probe) -> dict[str, list[Any]]:
    with scope(probe.id):
        return {
            label: list(type(row)._default_manager.order_by("pk").values())
            for label, row in probe.rows.items()
            # Its own trail grows with what is done in its scope, by nobody else.
            if label != "tenants.AuditEntry"
        }


def _in(probe: Probe, question: Callable[[], bool]) -> bool:
    with scope(probe.id):
        return question()


@way(gettext_noop("rows by the ORM"), "orm:*")
def by_orm(probes: Probes) -> Iterator[Attempt]:
    """Yield, for each table: list, read, count, change, delete, plant a row."""
    me = probes.mine
    for label, theirs in probes.theirs.rows.items():
        rows = type(theirs)._default_manager
        pk = theirs.pk
        for what, attempt in _TRIES.items():
            yield f"{label}: {what}", partial(_in, me, partial(attempt, rows, pk))
        yield f"{label}: plant", partial(_in, me, partial(_plants_nothing, theirs))


def _lists_nothing(rows: Any, pk: Any) -> bool:
    return pk not in rows.values_list("pk", flat=True)


def _reads_nothing(rows: Any, pk: Any) -> bool:
    return not rows.filter(pk=pk).exists()


def _counts_nothing(rows: Any, pk: Any) -> bool:
    return bool(rows.filter(pk=pk).count() == 0)


def _plants_nothing(theirs: models.Model) -> bool:
    return refuses(lambda: _planted(theirs))


def _locks_nothing(rows: Any, pk: Any) -> bool:
    try:
        return not undone(lambda: list(rows.select_for_update().filter(pk=pk)))
    except DatabaseError:
        return True  # what may only be added to can't be locked either


def _changes_nothing(rows: Any, pk: Any) -> bool:
    field = next(one for one in rows.model._meta.concrete_fields if not one.primary_key)
    try:
        return undone(lambda: _updated(rows, pk, field)) == 0
    except DatabaseError:
        return True


def _updated(rows: Any, pk: Any, field: models.Field[Any, Any]) -> int:
    return int(rows.filter(pk=pk).update(**{field.name: models.F(field.name)}))


def _deletes_nothing(rows: Any, pk: Any) -> bool:
    try:
        return undone(lambda: rows.filter(pk=pk)._raw_delete(using="default")) == 0
    except DatabaseError:
        return True


_TRIES: dict[str, Callable[[Any, Any], bool]] = {
    "list": _lists_nothing,
    "read": _reads_nothing,
    "count": _counts_nothing,
    "lock": _locks_nothing,
    "change": _changes_nothing,
    "delete": _deletes_nothing,
}


def _planted(theirs: models.Model) -> None:
    """Insert a row that says it is theirs."""
    model = type(theirs)
    copy = model(
        **{
            one.attname: getattr(theirs, one.attname)
            for one in model._meta.concrete_fields
            if not one.primary_key
        }
    )
    if isinstance(model._meta.pk, models.ForeignKey) or model is Company:
        copy.pk = theirs.pk
    copy.save(force_insert=True)


@way(gettext_noop("rows by SQL"), "sql:*")
def by_sql(probes: Probes) -> Iterator[Attempt]:
    """Yield the same by text, in a scope and outside of one."""
    for label, theirs in probes.theirs.rows.items():
        table = connection.ops.quote_name(theirs._meta.db_table)
        key = connection.ops.quote_name(str(theirs._meta.pk.column))
        select = f"SELECT 1 FROM {table} WHERE {key} = %s"  # noqa: S608 (own names)
        yield (
            f"{label}: select",
            partial(_in, probes.mine, partial(_selects_nothing, select, theirs.pk)),
        )
        yield f"{label}: outside a scope", partial(_is_outside, select, theirs.pk)


def _selects_nothing(statement: str, pk: Any) -> bool:
    return _selected(statement, pk) is None


def _selected(statement: str, pk: Any) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement, [pk])
        return cursor.fetchone()


def _is_outside(statement: str, pk: Any) -> bool:
    try:
        _selected(statement, pk)
    except ScopeMissing:
        return True
    return False


#: References that know no company: the platform's accounts, and deliveries that are
#: not resolved yet, have none. Through them nothing is read: the row behind is walled.
PLAIN = {
    "integrations.ToolCall.account",
    "integrations.ProviderRequest.account",
    "webhooks.WebhookLog.account",
    "webhooks.WebhookPause.account",
    "webhooks.WebhookCount.account",
    "webhooks.WebhookAttempt.log",
    "bookings.Call.account",
}


@way(gettext_noop("references to foreign rows"), "orm:*")
def by_reference(probes: Probes) -> Iterator[Attempt]:
    """Yield each reference of my rows, pointed at the other's row."""
    for label, mine in probes.mine.rows.items():
        for field in mine._meta.concrete_fields:
            if not isinstance(field, models.ForeignKey) or field.primary_key:
                continue
            target = probes.theirs.rows.get(field.related_model._meta.label)
            if target is None or f"{label}.{field.name}" in PLAIN:
                continue
            attempt = partial(_refers_in_vain, mine, field, target)
            yield f"{label}.{field.name}", partial(_in, probes.mine, attempt)


def _refers_in_vain(mine: models.Model, field: Any, target: models.Model) -> bool:
    """The database checks at the latest when the transaction would end."""

    def write() -> None:
        rows = type(mine)._default_manager.filter(pk=mine.pk)
        if rows.update(**{field.name: target.pk}) != 1:
            raise DatabaseError("it was not even mine")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    return refuses(write)


@way(gettext_noop("what a connection remembers"), "connection")
def by_memory(probes: Probes) -> Iterator[Attempt]:
    """Yield the ways in which a connection could still believe in another company."""
    rows = Company.objects.filter(pk=probes.theirs.id)

    def after_savepoint() -> bool:
        with transaction.atomic(), scope(probes.mine.id):
            rows.exists()
            try:
                with transaction.atomic(), scope(probes.theirs.id):
                    rows.exists()
                    raise _Undone
            except _Undone:
                return not rows.exists()

    def after_rollback() -> bool:
        try:
            with scope(probes.theirs.id), transaction.atomic():
                rows.exists()
                raise _Undone
        except _Undone:
            return _in(probes.mine, lambda: not rows.exists())

    def after_the_pool() -> bool:
        _in(probes.theirs, rows.exists)
        connection.close()
        return _in(probes.mine, lambda: not rows.exists())

    def after_the_scope() -> bool:
        _in(probes.theirs, rows.exists)
        try:
            rows.exists()
        except ScopeMissing:
            return True
        return False

    yield "after a savepoint rolled back", after_savepoint
    yield "after a transaction rolled back", after_rollback
    yield "after the pool had the connection", after_the_pool
    yield "after the scope", after_the_scope


@way(gettext_noop("cached values"), "cache:*")
def by_cache(probes: Probes) -> Iterator[Attempt]:
    """Yield a value that the other left under the same name."""

    def read() -> bool:
        theirs = redis.company_key(probes.theirs.id, "isolation", "same")
        mine = redis.company_key(probes.mine.id, "isolation", "same")
        redis.ask(lambda r: r.set(theirs, probes.theirs.mark, ex=60), otherwise=None)
        return redis.ask(lambda r: r.get(mine), otherwise=None) is None

    yield "the same name", read
