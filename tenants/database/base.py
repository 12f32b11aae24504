"""PostgreSQL's backend, whose connections know whose rows they may see.

PostgreSQL undoes a ``set_config`` when its transaction or savepoint rolls back, and
a pool hands connections on. So what a connection was told is remembered on the
psycopg connection itself, and forgotten whenever PostgreSQL may have forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from django.db.utils import InterfaceError, ProgrammingError

from tenants.scoping import NO_SCOPE, Scope, ScopeMissing, wanted

#: The stubs know nothing of the backend's inner methods.
_Base: Any = base.DatabaseWrapper

_TELL = "SELECT set_config('role', %s, false), set_config('askpro.company', %s, false)"
_MEMORY = "askpro_told"
#: The application's database; the owner and the reader act as the login they have.
_WALLED_ALIAS = "default"


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
        if not self._is_quiet:
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
        """Tell the connection role and company, if it was told something else."""
        if self.alias != _WALLED_ALIAS:
            return
        self.ensure_connection()
        scope = wanted()
        if getattr(self.connection, _MEMORY, None) == scope:
            return
        self.validate_no_broken_transaction()
        self._forget()
        with self.wrap_database_errors, psycopg.Cursor(self.connection) as cursor:
            cursor.execute(_TELL, scope)
        self._remember(scope)

    def _remember(self, scope: Scope) -> None:
        setattr(self.connection, _MEMORY, scope)

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
