"""Log records as JSON lines: a constant message, facts as fields, the correlation id.

Secrets, names, numbers, addresses and payloads never belong here. The words of an
exception may hold them, so only its kind and place are told. As a second line of
defense whatever looks like a secret, a telephone number or an e-mail address is masked.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any

import psycopg
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import InterfaceError, OperationalError

from askpro import correlation, masking
from askpro.errors import AskProError

_PERSONAL = re.compile(r"\+?\d[\d ()/-]{7,}\d|[^\s@\"']+@[^\s@\"']+\.[^\s@\"']+")
_TECHNICAL = {"timestamp", "correlation_id", "level", "logger"}
#: Errors whose words name no person: an operator needs them.
_IMPERSONAL = (
    AskProError,
    ImproperlyConfigured,
    InterfaceError,
    OperationalError,
    OSError,
    psycopg.InterfaceError,
    psycopg.OperationalError,
)


def _correlated(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    event["correlation_id"] = correlation.current()
    return event


def _masked(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if masking.is_secret(name):
            event[name] = masking.STARS
        elif name not in _TECHNICAL:
            event[name] = _without_persons(masking.in_value(value))
    return event


def _without_persons(value: Any) -> Any:
    if isinstance(value, str):
        return _PERSONAL.sub("***", value)
    if isinstance(value, dict):
        return {name: _without_persons(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_persons(one) for one in value]
    return value


def _short_of_celery(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Celery puts an exception's words into its message, and all of it in a field."""
    if event.get("logger") == "celery.app.trace":
        event["task"] = (event.pop("data", None) or {}).get("name", "")
        event["event"] = "a task failed"
    return event


def _told(
    exc_info: tuple[type[BaseException], BaseException, TracebackType | None],
) -> str:
    """Return kind and place of an exception, and of what caused it."""
    return "".join(_parts(exc_info[1]))


def _parts(error: BaseException) -> Iterator[str]:
    cause = error.__cause__
    if cause is None and not error.__suppress_context__:
        cause = error.__context__
    if cause is not None:
        yield from _parts(cause)
    yield from traceback.format_tb(error.__traceback__)
    words = f": {error}" if isinstance(error, _IMPERSONAL) else ""
    yield f"{type(error).__module__}.{type(error).__qualname__}{words}\n"


def formatter() -> logging.Formatter:
    """Return the formatter of every handler."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso"),
            _correlated,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.ExceptionRenderer(_told),
            _short_of_celery,
            _masked,
            structlog.processors.JSONRenderer(),
        ],
    )
