"""Who acts: taken at a door or a task, told to the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple


class Actor(NamedTuple):
    """Who does what follows; the kinds are those of ``AuditEntry.Actor``."""

    kind: str
    #: A user name, a key's prefix, a provider, a task or a command.
    name: str = ""
    #: The IP address that the request came from, where there is one.
    address: str | None = None


SYSTEM = Actor("system")

_current: ContextVar[Actor] = ContextVar("askpro_actor", default=SYSTEM)


def current() -> Actor:
    """Return who acts in this context."""
    return _current.get()


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Let the block be ``actor``'s doing."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)
