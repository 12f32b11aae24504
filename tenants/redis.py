"""Redis where a caller waits: short time-outs, and no waiting for one that is away."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django_redis import get_redis_connection
from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

#: How long a process asks nobody after Redis failed it: a Redis that hangs costs
#: one time-out in this many seconds, not one in every request.
AWAY_S = 2.0
#: Matches the keys that are ours, never Celery's.
OURS = "askpro:*"
TIMEOUT_S: float = settings.REDIS_TIMEOUT_S

_away_until = 0.0

Result = TypeVar("Result")


def client() -> Redis | None:
    """Return the client; None while Redis is known to be away."""
    if time.monotonic() < _away_until:
        return None
    return get_redis_connection("default")  # type: ignore[no-any-return]


def is_away() -> None:
    """Remember for a moment that Redis did not answer."""
    global _away_until
    if time.monotonic() >= _away_until:
        logger.warning("redis is away")
    _away_until = time.monotonic() + AWAY_S


def ask(question: Callable[[Redis], Result], *, otherwise: Result) -> Result:
    """Return Redis' answer, or ``otherwise`` where Redis is away."""
    redis = client()
    if redis is None:
        return otherwise
    try:
        return question(redis)
    except RedisError:
        is_away()
        return otherwise


def company_key(company_id: UUID | str, *parts: object) -> str:
    """Return the key of a value that belongs to one company."""
    return ":".join(("askpro", "company", str(company_id), *map(str, parts)))


def platform_key(*parts: object) -> str:
    """Return the key of a value that holds for the whole installation."""
    return ":".join(("askpro", "platform", *map(str, parts)))
