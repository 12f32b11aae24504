"""How often a machine may knock with one key."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from django.conf import settings
from redis import Redis
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from tenants import redis
from tenants.keys import KeyHolder
from tenants.memory import Memory

WINDOW_S = 60

#: Counts of this process, for the time in which Redis is away.
_counted: Memory[list[int]] = Memory(most=10_000)


class KeyThrottle(BaseThrottle):
    """Let each key ask ``KEY_REQUESTS_PER_MINUTE`` times a minute, in all processes.

    The minute slides: what is left of the one before counts for its share, and what
    was refused counts for nothing. While Redis is away each process counts by itself,
    so that the doors stay open.
    """

    #: What is counted; and how many times the limit is let in.
    counted: ClassVar[str] = "key-rate"
    times: ClassVar[int] = 1

    def __init__(self) -> None:
        self._wait_s = 0.0

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count a request with a key; tell whether it is within the limit."""
        holder: Any = request.auth
        if not isinstance(holder, KeyHolder):
            return True
        limit: int = settings.KEY_REQUESTS_PER_MINUTE * self.times
        window, passed_s = divmod(time.time(), WINDOW_S)
        before, count = _count(self.counted, holder, int(window), 1)
        if before * (1 - passed_s / WINDOW_S) + count <= limit:
            return True
        _count(self.counted, holder, int(window), -1)
        self._wait_s = _until_next(before, count - 1, passed_s, limit)
        return False

    def wait(self) -> float:
        """Return the seconds after which the next request is let in."""
        return self._wait_s


class Surplus(KeyThrottle):
    """Count what was above the limit: three times as much again, then no more."""

    counted = "key-surplus"
    times = 3


class PoliteThrottle(KeyThrottle):
    """Let a key go above its limit for a while: the door says so in its own words.

    Sets ``view.limited_for_s``: 0, or the seconds after which the key is within its
    limit again. Only far beyond is a request refused.
    """

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count a request with a key; tell whether the door shall answer it."""
        is_within = super().allow_request(request, view)
        view.limited_for_s = 0.0 if is_within else self._wait_s  # type: ignore[attr-defined]
        return is_within or Surplus().allow_request(request, view)


def _until_next(before: int, count: int, passed_s: float, limit: int) -> float:
    if before and count < limit:
        # Enough of the minute before has to slide out.
        return WINDOW_S * (1 - (limit - 1 - count) / before) - passed_s
    next_s = WINDOW_S * (1 - (limit - 1) / max(count, 1))
    return WINDOW_S - passed_s + max(0.0, next_s)


def _count(what: str, holder: KeyHolder, window: int, by: int) -> tuple[int, int]:
    """Add to this minute's requests; return the minute's before, and its own."""

    def name(number: int) -> str:
        return redis.company_key(holder.company_id, what, holder.key_id, number)

    def ask(client: Redis) -> tuple[int, int] | None:
        with client.pipeline(transaction=False) as pipeline:
            pipeline.get(name(window - 1))
            pipeline.incrby(name(window), by)
            pipeline.expire(name(window), 2 * WINDOW_S)
            before, count, _ = pipeline.execute()
        return int(before or 0), int(count)

    nothing: tuple[int, int] | None = None
    counted = redis.ask(ask, otherwise=nothing)
    return counted or (_locally(name(window - 1), 0), _locally(name(window), by))


def _locally(name: str, by: int) -> int:
    counter = _counted.get(name)
    if counter is None:
        counter = [0]
        _counted.put(name, counter, for_s=2 * WINDOW_S)
    counter[0] += by
    return counter[0]
