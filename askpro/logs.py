"""Log records as JSON lines: a constant message, facts as fields, the correlation id.

Names, numbers, addresses and payloads never belong here. As a second line of
defense whatever looks like a telephone number or an e-mail address is masked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import MutableMapping
from typing import Any

import structlog

from askpro import correlation

_PERSONAL = re.compile(r"\+?\d[\d ()/-]{7,}\d|[^\s@\"']+@[^\s@\"']+\.[^\s@\"']+")
_TECHNICAL = {"timestamp", "correlation_id", "level", "logger"}


def _correlated(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    event["correlation_id"] = correlation.current()
    return event


def _masked(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if isinstance(value, str) and name not in _TECHNICAL:
            event[name] = _PERSONAL.sub("***", value)
    return event


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
            structlog.processors.format_exc_info,
            _masked,
            structlog.processors.JSONRenderer(),
        ],
    )
