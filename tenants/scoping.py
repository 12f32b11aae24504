"""Whose rows this context may see. Outside a scope the database refuses.

What is wished stands in a context variable; the backend in ``tenants.database``
tells it to each connection before a statement.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db import connections

from askpro.errors import AskProError

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

COMPANY_ROLE = "askpro_company"
EVERY_ROLE = "askpro_every"
#: Said instead of a company by who must meet the probes of the break-in test too.
WITH_PROBES = "probes"
#: The two companies of the break-in test: in no list and no figure.
PROBES = (
    UUID("00000000-0000-7000-8000-0000000000a1"),
    UUID("00000000-0000-7000-8000-0000000000b2"),
)


class ScopeMissing(AskProError):
    """A company's rows were touched outside scope(); open one around the code."""


class Scope(NamedTuple):
    """What a connection is told: a role, and a company where the role wants one."""

    role: str
    company_id: str


NO_SCOPE = Scope("none", "")

_scope: ContextVar[Scope] = ContextVar("askpro_scope", default=NO_SCOPE)


def wanted() -> Scope:
    """Return what a connection shall be told in this context."""
    return _scope.get()


@contextmanager
def scope(company_id: UUID | str) -> Iterator[None]:
    """See and write the rows of one company, and of no other, in the block."""
    token = _scope.set(Scope(COMPANY_ROLE, str(UUID(str(company_id)))))
    try:
        yield
    finally:
        _scope.reset(token)


@contextmanager
def every_company(*, with_probes: bool = False) -> Iterator[None]:
    """See and write every company's rows in the block: for few, see the test.

    :param with_probes: the rows of the break-in test's companies as well; for who looks
        for one thing by its name, never for who lists or counts.
    """
    token = _scope.set(Scope(EVERY_ROLE, WITH_PROBES if with_probes else ""))
    try:
        yield
    finally:
        _scope.reset(token)


def current_company() -> UUID | None:
    """Return the company whose scope this is, if it is one's."""
    role, company_id = wanted()
    return UUID(company_id) if role == COMPANY_ROLE else None


def is_every() -> bool:
    """Tell whether every company's rows are open in this context."""
    return wanted().role == EVERY_ROLE


def tell(connection: BaseDatabaseWrapper) -> None:
    """Tell a connection the scope, for code that uses psycopg's own cursor next.

    It is opened where it is not. Only ``default`` is ever told: the other databases
    act as the login they have.
    """
    connection.tell_scope()  # type: ignore[attr-defined]


def let_go() -> None:
    """Give this thread's connections back before it waits for somebody.

    :raises RuntimeError: a transaction is open; nothing was given back.
    """
    for connection in connections.all(initialized_only=True):
        if connection.in_atomic_block:
            raise RuntimeError("a transaction is open: end it before waiting")
    for connection in connections.all(initialized_only=True):
        connection.close()
