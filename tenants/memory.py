"""What a process remembers for a while: never more than it has room for."""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Memory(Generic[Value]):
    """Values that are fresh for some seconds; where it is full, the oldest goes.

    What is no longer fresh stays until it is pushed out: :meth:`stale` still tells it,
    for the time in which nobody can be asked. Threads may share it.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._kept: dict[Hashable, tuple[float, Value]] = {}
        self._turn = threading.Lock()

    def get(self, name: Hashable) -> Value | None:
        """Return a value while it is fresh."""
        kept = self._kept.get(name)
        if kept is None or kept[0] <= time.monotonic():
            return None
        return kept[1]

    def stale(self, name: Hashable) -> Value | None:
        """Return a value however old it is."""
        kept = self._kept.get(name)
        return None if kept is None else kept[1]

    def put(self, name: Hashable, value: Value, *, for_s: float) -> None:
        """Remember a value."""
        with self._turn:
            self._put(name, value, for_s)

    def claim(self, name: Hashable, value: Value, *, for_s: float) -> bool:
        """Remember a value unless one is fresh; tell whether it was ours to set."""
        with self._turn:
            kept = self._kept.get(name)
            if kept is not None and kept[0] > time.monotonic():
                return False
            self._put(name, value, for_s)
            return True

    def _put(self, name: Hashable, value: Value, for_s: float) -> None:
        self._kept.pop(name, None)
        while len(self._kept) >= self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[name] = (time.monotonic() + for_s, value)

    def forget(self, name: Hashable) -> None:
        """Drop a value."""
        with self._turn:
            self._kept.pop(name, None)

    def clear(self) -> None:
        """Drop everything."""
        with self._turn:
            self._kept.clear()

    def __len__(self) -> int:
        return len(self._kept)
