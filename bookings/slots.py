"""Free slots of a calendar, remembered for a moment and asked for once at a time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from redis import Redis

from bookings.calendars import BaseCalendar, CalendarUnavailable
from tenants import redis
from tenants.scoping import let_go

FRESH_S = 60
#: How often it is looked whether another process has the answer.
LOOK_S = 0.02


class Question(NamedTuple):
    """What a calendar is asked: which starts are free in the interval."""

    company_id: UUID
    event_type_id: int
    begin: datetime
    end: datetime

    @property
    def field(self) -> str:
        """The answer's place among those of the event type."""
        return f"{self.begin.timestamp():.0f}-{self.end.timestamp():.0f}"

    @property
    def mark(self) -> str:
        """The key that stands while some process asks."""
        return f"{_name(self.company_id, self.event_type_id)}:{self.field}:asking"


@dataclass
class _Flight:
    """A question under way; whoever asks the same waits for its answer."""

    landed: threading.Event = field(default_factory=threading.Event)
    starts: list[datetime] | None = None


_flights: dict[Question, _Flight] = {}
_boarding = threading.Lock()


def read(
    calendar: Callable[[], BaseCalendar], question: Question, *, timeout_s: float
) -> list[datetime]:
    """Return the starts of the free slots, at most a minute old, sorted.

    :param calendar: gives whom to ask; called only where somebody must be asked.
    :raises CalendarUnavailable: also where the wait for an equal question ended.
    :raises CalendarRefused: see :meth:`BaseCalendar.free_slots`.
    """
    remembered = _remembered(question)
    if remembered is not None:
        return remembered
    with _boarding:
        flight = _flights.get(question)
        is_pilot = flight is None
        if flight is None:
            flight = _flights[question] = _Flight()
    if is_pilot:
        return _fly(flight, calendar, question, timeout_s)
    let_go()
    flight.landed.wait(timeout_s)
    if flight.starts is None:
        raise CalendarUnavailable
    return flight.starts


def _fly(
    flight: _Flight,
    calendar: Callable[[], BaseCalendar],
    question: Question,
    timeout_s: float,
) -> list[datetime]:
    try:
        flight.starts = _from_other_process(question, timeout_s)
        if flight.starts is None:
            flight.starts = _ask(calendar(), question, timeout_s)
        return flight.starts
    finally:
        with _boarding:
            _flights.pop(question, None)
        redis.ask(lambda client: client.delete(question.mark), otherwise=0)
        flight.landed.set()


def _ask(
    calendar: BaseCalendar, question: Question, timeout_s: float
) -> list[datetime]:
    let_go()
    slots = calendar.free_slots(
        event_type_id=question.event_type_id,
        starts_at=question.begin,
        ends_at=question.end,
        timeout_s=timeout_s,
    )
    starts = [slot.starts_at for slot in slots]
    _remember(question, starts)
    return starts


def _from_other_process(question: Question, timeout_s: float) -> list[datetime] | None:
    """Return what another process is just asking; None: it is up to us to ask.

    Whoever asks first leaves a mark until it is answered, or its time is over.
    """
    mark_ms = int(timeout_s * 1000) + 1

    def is_first(client: Redis) -> bool:
        return bool(client.set(question.mark, b"1", nx=True, px=mark_ms))

    found = None
    give_up = time.monotonic() + timeout_s / 2
    while not redis.ask(is_first, otherwise=True) and time.monotonic() < give_up:
        let_go()
        time.sleep(LOOK_S)
        found = _remembered(question)
        if found is not None:
            break
    return found


def forget(company_id: UUID, event_type_id: int) -> None:
    """Forget what was remembered of an event type: something was booked or freed."""
    redis.ask(
        lambda client: client.delete(_name(company_id, event_type_id)), otherwise=0
    )


def _name(company_id: UUID, event_type_id: int) -> str:
    return redis.company_key(company_id, "slots", event_type_id)


def _remembered(question: Question) -> list[datetime] | None:
    def ask(client: Redis) -> bytes | None:
        found: bytes | None = client.hget(  # type: ignore[assignment]
            _name(question.company_id, question.event_type_id), question.field
        )
        return found

    text = redis.ask(ask, otherwise=None)
    if text is None:
        return None
    value = json.loads(text)
    if value["at"] < time.time() - FRESH_S:
        return None
    return [datetime.fromtimestamp(start, UTC) for start in value["starts"]]


def _remember(question: Question, starts: list[datetime]) -> None:
    text = json.dumps(
        {"at": time.time(), "starts": [int(start.timestamp()) for start in starts]}
    )

    def ask(client: Redis) -> None:
        name = _name(question.company_id, question.event_type_id)
        client.hset(name, question.field, text)
        client.expire(name, FRESH_S)

    redis.ask(ask, otherwise=None)
