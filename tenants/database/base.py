"""PostgreSQL's backend, whose connections know whose rows they may see.

PostgreSQL undoes a ``set_config`` when its transaction or savepoint rolls back, and
a pool hands connections on. So what a connection was told is remembered on the
psycopg connection itself, and forgotten whenever PostgreSQL may have forgotten.

With the scope it is told who acts: triggers write that into the audit trail. Reading
leaves no trail, so no trip is made for it while only the actor has changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg
from django.db.backends.postgresql import base
from django.db.utils import InterfaceError, ProgrammingError

from askpro import actor, correlation
from askpro.actor import Actor
from tenants.scoping import NO_SCOPE, Scope, ScopeMissing, wanted

#: The stubs know nothing of the backend's inner methods.
_Base: Any = base.DatabaseWrapper

_TELL = (
    "SELECT set_config('role', %s, false), set_config('askpro.company', %s, false),"
    " set_config('askpro.actor', %s, false)"
)
_MEMORY = "askpro_told"
#: The application's database; the owner and the reader act as the login they have.
_WALLED_ALIAS = "default"


class Told(NamedTuple):
    """What a connection knows: whose rows it may see, and who acts in which call."""

    scope: Scope
    actor: Actor
    correlation_id: str

    @property
    def trail(self) -> str:
        """What the audit trail shall say, as the triggers read it."""
        said = {**self.actor._asdict(), "correlation_id": self.correlation_id}
        return json.dumps({name: _storable(text) for name, text in said.items()})


def _storable(text: str | None) -> str | None:
    """Return a text without what jsonb refuses: no write may fail for it."""
    if text is None:
        return None
    return text.encode(errors="replace").decode().replace("\0", "")


def _wanted() -> Told:
    return Told(wanted(), actor.current(), correlation.current())


def _only_reads(sql: Any) -> bool:
    """Tell whether a statement surely changes no row that is audited."""
    return isinstance(sql, str) and sql[:6].upper() == "SELECT"


class DatabaseWrapper(_Base):  # type: ignore[misc]
    """Tells each connection of ``default`` the scope before each statement."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._is_quiet = False
        if self.alias == _WALLED_ALIAS:
            # Not on connection_created, which fires at every reconnect.
            self.execute_wrappers.append(self._tell_first)

    def _tell_first(
        self,
        execute: Callable[..., Any],
        sql: str,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        if context["cursor"].cursor.connection is not self.connection:
            # The pool may have lent it to somebody else, in another scope.
            raise InterfaceError("the connection of this cursor was given back")
        if not self._is_quiet and not (_only_reads(sql) and self._is_in_scope()):
            self.tell_scope()
        try:
            return execute(sql, params, many, context)
        except ProgrammingError as error:
            is_refused = isinstance(
                error.__cause__, psycopg.errors.InsufficientPrivilege
            )
            if is_refused and wanted() == NO_SCOPE:
                raise ScopeMissing from error
            raise

    def tell_scope(self) -> None:
        """Tell the connection role, company and actor, if it was told others."""
        if self.alias != _WALLED_ALIAS:
            return
        self.ensure_connection()
        told = _wanted()
        if self._memory() == told:
            return
        self.validate_no_broken_transaction()
        self._forget()
        with self.wrap_database_errors, psycopg.Cursor(self.connection) as cursor:
            cursor.execute(_TELL, [*told.scope, told.trail])
        self._remember(told)

    def _is_in_scope(self) -> bool:
        told = self._memory()
        return told is not None and told.scope == wanted()

    def _memory(self) -> Told | None:
        told: Told | None = getattr(self.connection, _MEMORY, None)
        return told

    def _remember(self, told: Told) -> None:
        setattr(self.connection, _MEMORY, told)

    def _forget(self) -> None:
        if self.connection is not None:
            setattr(self.connection, _MEMORY, None)

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._forget()

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        self._is_quiet = True
        try:
            yield
        finally:
            self._is_quiet = False

    def _commit(self) -> None:
        with self._forgetting():
            super()._commit()

    def _rollback(self) -> None:
        with self._forgetting():
            super()._rollback()

    def _savepoint(self, sid: str) -> None:
        with self._quiet():
            super()._savepoint(sid)

    def _savepoint_commit(self, sid: str) -> None:
        with self._quiet():
            super()._savepoint_commit(sid)

    def _savepoint_rollback(self, sid: str) -> None:
        with self._forgetting(), self._quiet():
            super()._savepoint_rollback(sid)

    def _close(self) -> None:
        # Before the pool has it back: the pool rolls back by itself, unseen.
        self._forget()
        super()._close()
