"""A calendar whose every answer a test has written down."""

from __future__ import annotations

from typing import Any

from bookings.calendars import BaseCalendar

#: What comes back from each method, in turn: a value, or an error to raise.
script: dict[str, list[Any]] = {}
asked: list[str] = []


class FakeCalendar(BaseCalendar):
    """Answers from the script; a question that isn't there fails the test."""

    def __init__(self, branch: object, *, rehearsal: bool = False) -> None:
        """Belong to any branch."""

    def _next(self, name: str) -> Any:
        asked.append(name)
        answer = script[name].pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def free_slots(self, **_: Any) -> Any:
        return self._next("free_slots")

    def book(self, request: Any, **_: Any) -> Any:
        return self._next("book")

    def find(self, **_: Any) -> Any:
        return self._next("find")

    def get(self, uid: str, **_: Any) -> Any:
        return self._next("get")

    def trail(self, uid: str, **_: Any) -> Any:
        return self._next("trail")

    def move(self, uid: str, **_: Any) -> Any:
        return self._next("move")

    def cancel(self, uid: str, **_: Any) -> Any:
        return self._next("cancel")
