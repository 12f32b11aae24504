"""Who acts: taken at a door or a task, told to the audit trail."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

#: Sent with every Celery message, as the correlation id is.
TASK_HEADER = "askpro_actor"


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


def take(actor: Actor) -> None:
    """Let everything that follows in this context be ``actor``'s doing."""
    _current.set(actor)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Let the block be ``actor``'s doing."""
    token = _current.set(actor)
    try:
        yield
    finally:
        _current.reset(token)


def of_task(told: object, name: str) -> Actor:
    """Return who acts in a task: who caused it, else the task itself.

    :param told: what the message's header holds; of an older version perhaps nothing.
    """
    try:
        caused = Actor(*told)  # type: ignore[misc]
    except TypeError:
        caused = SYSTEM
    return Actor("system", name) if caused == SYSTEM else caused
