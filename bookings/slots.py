"""Free slots of a calendar, remembered for a moment and asked for once at a time."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from redis import Redis

from bookings.calendars import BaseCalendar, CalendarUnavailable
from tenants import redis
from tenants.scoping import let_go

FRESH_S = 60
#: How often it is looked whether another process has the answer.
LOOK_S = 0.02

_Key = tuple[UUID, int, datetime, datetime]


@dataclass
class _Flight:
    """One question under way; whoever asks the same waits for its answer."""

    landed: threading.Event = field(default_factory=threading.Event)
    starts: list[datetime] | None = None


_flights: dict[_Key, _Flight] = {}
_boarding = threading.Lock()


def read(
    calendar: Callable[[], BaseCalendar],
    *,
    company_id: UUID,
    event_type_id: int,
    begin: datetime,
    end: datetime,
    timeout_s: float,
) -> list[datetime]:
    """Return the starts of the free slots, at most a minute old, sorted.

    :param calendar: gives whom to ask; called only where somebody must be asked.
    :raises CalendarUnavailable: also where the wait for an equal question ended.
    :raises CalendarRefused: see :meth:`BaseCalendar.free_slots`.
    """
    remembered = _remembered(company_id, event_type_id, begin, end)
    if remembered is not None:
        return remembered
    key = (company_id, event_type_id, begin, end)
    with _boarding:
        flight = _flights.get(key)
        is_pilot = flight is None
        if flight is None:
            flight = _flights[key] = _Flight()
    if not is_pilot:
        let_go()
        flight.landed.wait(timeout_s)
        if flight.starts is None:
            raise CalendarUnavailable
        return flight.starts
    try:
        flight.starts = _other_process(key, timeout_s)
        if flight.starts is None:
            asked = calendar()
            let_go()
            slots = asked.free_slots(
                event_type_id=event_type_id,
                starts_at=begin,
                ends_at=end,
                timeout_s=timeout_s,
            )
            flight.starts = [slot.starts_at for slot in slots]
            _remember(company_id, event_type_id, begin, end, flight.starts)
        return flight.starts
    finally:
        with _boarding:
            _flights.pop(key, None)
        redis.ask(lambda client: client.delete(_mark(key)), otherwise=0)
        flight.landed.set()


def _other_process(key: _Key, timeout_s: float) -> list[datetime] | None:
    """Return what another process is just asking; None: it is up to us to ask.

    Whoever asks first leaves a mark until it is answered, or its time is over.
    """
    company_id, event_type_id, begin, end = key
    name, mark_ms = _mark(key), int(timeout_s * 1000) + 1

    def is_first(client: Redis) -> bool:
        return bool(client.set(name, b"1", nx=True, px=mark_ms))

    give_up = time.monotonic() + timeout_s / 2
    while not redis.ask(is_first, otherwise=True):
        let_go()
        if time.monotonic() > give_up:
            break
        time.sleep(LOOK_S)
        found = _remembered(company_id, event_type_id, begin, end)
        if found is not None:
            return found
    return None


def forget(company_id: UUID, event_type_id: int) -> None:
    """Forget what was remembered of an event type: something was booked or freed."""
    redis.ask(
        lambda client: client.delete(_name(company_id, event_type_id)), otherwise=0
    )


def _mark(key: _Key) -> str:
    company_id, event_type_id, begin, end = key
    return f"{_name(company_id, event_type_id)}:{_field(begin, end)}:asking"


def _name(company_id: UUID, event_type_id: int) -> str:
    return redis.company_key(company_id, "slots", event_type_id)


def _field(begin: datetime, end: datetime) -> str:
    return f"{begin.timestamp():.0f}-{end.timestamp():.0f}"


def _remembered(
    company_id: UUID, event_type_id: int, begin: datetime, end: datetime
) -> list[datetime] | None:
    def ask(client: Redis) -> bytes | None:
        found: bytes | None = client.hget(  # type: ignore[assignment]
            _name(company_id, event_type_id), _field(begin, end)
        )
        return found

    text = redis.ask(ask, otherwise=None)
    if text is None:
        return None
    value = json.loads(text)
    if value["at"] < time.time() - FRESH_S:
        return None
    return [datetime.fromtimestamp(start, UTC) for start in value["starts"]]


def _remember(
    company_id: UUID,
    event_type_id: int,
    begin: datetime,
    end: datetime,
    starts: list[datetime],
) -> None:
    text = json.dumps(
        {"at": time.time(), "starts": [int(start.timestamp()) for start in starts]}
    )

    def ask(client: Redis) -> None:
        name = _name(company_id, event_type_id)
        client.hset(name, _field(begin, end), text)
        client.expire(name, FRESH_S)

    redis.ask(ask, otherwise=None)
