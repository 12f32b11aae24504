"""The one id that joins every record of a call: taken at a door, carried along."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

#: Sent with every request to a provider and with every Celery message. Celery
#: owns a header named ``correlation_id``, hence the longer name.
HEADER = "X-Correlation-ID"
TASK_HEADER = "askpro_correlation_id"

_current: ContextVar[str] = ContextVar("askpro_correlation_id", default="")


def current() -> str:
    """Return the id of what is being worked on, or ``""``."""
    return _current.get()


def take(correlation_id: str) -> None:
    """Let everything that follows in this context belong to ``correlation_id``."""
    _current.set(correlation_id)


@contextmanager
def bound(correlation_id: str) -> Iterator[None]:
    """Let the block belong to ``correlation_id``."""
    token = _current.set(correlation_id)
    try:
        yield
    finally:
        _current.reset(token)
