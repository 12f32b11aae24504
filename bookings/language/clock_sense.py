"""Which time or window is meant by all that was found, or what must be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

from bookings.language import questions, vocabulary
from bookings.language.found import Clock, Found, Hours

_HALF_DAY = 720
_EARLIEST = 7 * 60  # without opening hours, what is earlier is meant after noon
_SURE = range(8 * 60, 13 * 60)  # hours that mean only one half of the day
#: Where "viertel drei" is a quarter past two.
QUARTER_REGIONS = frozenset({"BB", "BE", "BW", "BY", "MV", "SN", "ST", "TH"})
#: The minutes of the day that a part of it allows.
_LIMITS = {
    vocabulary.MORNING: (0, 780),
    vocabulary.FORENOON: (0, 780),
    vocabulary.NOON: (600, 900),
    vocabulary.AFTERNOON: (720, 1140),
    vocabulary.EVENING: (960, 1440),
    vocabulary.NIGHT: (0, 1440),
}


@dataclass(frozen=True)
class Times:
    """A time or a window; ``others`` are what may be meant as well."""

    at: time | None = None
    begin: time | None = None
    end: time | None = None
    others: tuple[time, ...] = ()
    question: str = ""


def _time(minutes: int) -> time:
    return time(*divmod(minutes % 1440, 60))


def times_of(found: Found, *, region: str, hours: Hours | None) -> Times:
    """Put together what was said about the time."""
    part, is_clear = _part_of(found)
    clock, is_same = _one(found.clocks["at"])
    if not is_clear or not is_same:
        return Times(question=questions.ask_time())
    window = _window(found, part, hours)
    if window is None:
        return Times(question=questions.ask_time())
    begin, end = window
    if clock is None and part == vocabulary.NOON and not any(found.clocks.values()):
        return Times(at=time(12))
    if clock is None:
        return Times(begin=begin, end=end)
    exact = _exact(clock, part, region=region, hours=hours)
    has_window = bool(found.clocks["from"] or found.clocks["to"])
    if has_window and exact.at is not None and not _is_inside(exact.at, begin, end):
        return Times(question=questions.ask_time())
    return exact


def _part_of(found: Found) -> tuple[str, bool]:
    """Return the part of the day, and whether only one was said."""
    parts = set(found.parts)
    if parts == {vocabulary.MORNING, vocabulary.FORENOON}:
        return vocabulary.FORENOON, True
    return (found.parts[0] if parts else ""), len(parts) <= 1


def _one(clocks: list[Clock]) -> tuple[Clock | None, bool]:
    """Return the time that all of them mean, the most exact one."""
    if not clocks:
        return None, True
    best = next((one for one in clocks if one.is_fixed), clocks[0])
    return best, all(best.agrees(one) for one in clocks)


def _is_inside(at: time, begin: time | None, end: time | None) -> bool:
    return (begin is None or at >= begin) and (end is None or at <= end)


def _window(
    found: Found, part: str, hours: Hours | None
) -> tuple[time | None, time | None] | None:
    """Return the interval; None where its ends contradict each other."""
    bounds: list[int | None] = []
    for relation in (vocabulary.FROM, vocabulary.TO):
        clock, is_same = _one(found.clocks[relation])
        if not is_same:
            return None
        bounds.append(_minutes(clock, part, hours)[0] if clock else None)
    begin, end = bounds
    last = found.clocks[vocabulary.TO]
    if begin is not None and end is not None and end <= begin:
        is_open = not last[0].is_fixed and end + _HALF_DAY < 1440
        end = end + _HALF_DAY if is_open else end
        if end <= begin:
            return None
    first_of_part, last_of_part = _window_of_part(found, part)
    start = _time(begin) if begin is not None else first_of_part
    stop = _time(end) if end is not None else last_of_part
    if start is not None and stop is not None and stop <= start:
        stop = None
    return start, stop


def _window_of_part(found: Found, part: str) -> tuple[time | None, time | None]:
    if not part:
        return None, None
    begin, end = vocabulary.WINDOWS[part]
    if found.is_early is None:
        return begin, end
    middle = _time((begin.hour + end.hour) * 30)
    return (begin, middle) if found.is_early else (middle, end)


def _exact(clock: Clock, part: str, *, region: str, hours: Hours | None) -> Times:
    minutes, other = _minutes(clock, part, hours)
    low, high = _LIMITS.get(part, (0, 1440))
    if not low <= minutes <= high:
        return Times(question=questions.ask_time())
    others = [] if other is None else [_time(other)]
    if clock.is_regional and region.upper().removeprefix("DE-") not in QUARTER_REGIONS:
        # Elsewhere it is often "Viertel nach" or "Viertel vor", half heard.
        steps = (60, 30) if minutes % 60 == 15 else (60,)
        others = [_time(minutes + step) for step in steps]
    return Times(at=_time(minutes), others=tuple(others))


def _minutes(clock: Clock, part: str, hours: Hours | None) -> tuple[int, int | None]:
    """Return the minutes of the day, and the other half's where it may be meant."""
    early, late = clock.minutes, clock.minutes + _HALF_DAY
    if clock.is_fixed:
        return early, None
    if part == vocabulary.NOON:
        return (early if early >= 11 * 60 else late), None
    if part in (vocabulary.MORNING, vocabulary.FORENOON):
        return (early if early >= 60 else late), None
    if part == vocabulary.NIGHT:
        return (early if early < 6 * 60 else late), None
    if part:
        return late, None
    likely, other = (early, late) if early >= _EARLIEST else (late, early)
    if hours is not None:
        fits = [hours[0] <= one < hours[1] for one in (likely, other)]
        if fits == [False, True]:
            return other, None
        if fits == [True, False]:
            return likely, None
        if fits == [True, True]:
            return likely, other
    is_sure = likely in _SURE
    return likely, None if is_sure else other
