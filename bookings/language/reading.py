"""What a phrase means, as far as it is known."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

PAST = "past"


@dataclass(frozen=True)
class Reading:
    """Day or days, time or window; what was not said is None.

    A window (``time_from``, ``time_to``) is no exact wish: ``time`` is None then.
    ``unsure``: the likeliest meaning is set, ``alternatives`` are all that fit.
    ``question``: a German sentence; it must be asked before going on.
    ``error``: empty, or ``past``.
    """

    date: dt.date | None = None
    date_to: dt.date | None = None
    time: dt.time | None = None
    time_from: dt.time | None = None
    time_to: dt.time | None = None
    unsure: bool = False
    alternatives: tuple[tuple[dt.date | None, dt.time | None], ...] = ()
    question: str = ""
    error: str = ""


def to_instant(day: dt.date, clock: dt.time, zone: ZoneInfo) -> datetime | None:
    """Return the moment of a local time; None for an hour that the clocks skip.

    Of an hour that comes twice the first is meant.
    """
    local = datetime.combine(day, clock.replace(fold=0, tzinfo=None), zone)
    try:
        instant = datetime.fromtimestamp(local.timestamp(), zone)
    except (OverflowError, ValueError):
        return None
    same = instant.replace(tzinfo=None) == local.replace(tzinfo=None)
    return local if same else None


def comes_twice(day: dt.date, clock: dt.time, zone: ZoneInfo) -> bool:
    """Tell whether the clocks are set back over this local time."""
    first = datetime.combine(day, clock, zone)
    shift = first.utcoffset(), first.replace(fold=1).utcoffset()
    before, after = (one or timedelta() for one in shift)
    return before > after
