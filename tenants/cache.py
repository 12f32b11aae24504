"""Redis as Django's cache; while it is away each process remembers for itself.

The sign-in counts tries here. Without Redis it would refuse everybody, or count
nothing: so it counts what this process sees, until Redis is back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django_redis.cache import RedisCache
from django_redis.exceptions import ConnectionInterrupted
from redis.exceptions import RedisError

from tenants import redis


class LastingCache(RedisCache):  # type: ignore[misc]
    """Ask Redis; ask this process' own memory where Redis does not answer."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        self._own = LocMemCache("askpro", {})

    def _ask(self, name: str, *arguments: Any, **values: Any) -> Any:
        own: Callable[..., Any] = getattr(self._own, name)
        if redis.client() is None:
            return own(*arguments, **values)
        try:
            return getattr(super(), name)(*arguments, **values)
        except (ConnectionInterrupted, RedisError):
            redis.is_away()
            return own(*arguments, **values)

    def add(self, *arguments: Any, **values: Any) -> bool:
        """Set a value that is not there; tell whether it was not."""
        return bool(self._ask("add", *arguments, **values))

    def get(self, *arguments: Any, **values: Any) -> Any:
        """Return a value."""
        return self._ask("get", *arguments, **values)

    def set(self, *arguments: Any, **values: Any) -> Any:
        """Keep a value."""
        return self._ask("set", *arguments, **values)

    def delete(self, *arguments: Any, **values: Any) -> Any:
        """Forget a value."""
        return self._ask("delete", *arguments, **values)
