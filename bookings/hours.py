"""When a branch is open: its weekly hours, and the holidays of its federal state."""

from __future__ import annotations

from datetime import date, datetime, time
from functools import lru_cache

from tenants.models import Branch
from tenants.opening_hours import DAYS, interval


@lru_cache(maxsize=256)
def _holidays(region: str, year: int) -> frozenset[date]:
    import holidays  # takes 165 ms, which only a branch with a region pays

    return frozenset(holidays.country_holidays("DE", subdiv=region, years=year))


def is_holiday(branch: Branch, day: date) -> bool:
    """Tell whether the day is a public holiday where the branch stands."""
    region = branch.region or branch.company.region
    return bool(region) and day in _holidays(region, day.year)


def intervals(branch: Branch, day: date) -> list[tuple[time, time]]:
    """Return the opening hours of a day, local; empty = closed.

    Meaningless for a branch without any hours: see :func:`is_open`.
    """
    if is_holiday(branch, day):
        return []
    texts = branch.opening_hours.get(DAYS[day.weekday()], [])
    return [interval(text) for text in texts]


def is_closed(branch: Branch, day: date) -> bool:
    """Tell whether nobody works on a day, as far as our own hours tell."""
    return is_holiday(branch, day) or bool(
        branch.opening_hours and not intervals(branch, day)
    )


def span(branch: Branch) -> tuple[time, time] | None:
    """Return the earliest opening and the latest closing of a week, if known."""
    all_hours = [
        interval(text) for texts in branch.opening_hours.values() for text in texts
    ]
    if not all_hours:
        return None
    return min(begin for begin, _ in all_hours), max(end for _, end in all_hours)


def is_open(branch: Branch, begin: datetime, end: datetime) -> bool:
    """Tell whether a visit lies within the opening hours.

    A branch that names no hours leaves the decision to its calendar.
    """
    if not branch.opening_hours:
        return not is_holiday(branch, begin.astimezone(branch.zone).date())
    first, last = begin.astimezone(branch.zone), end.astimezone(branch.zone)
    return first.date() == last.date() and any(
        opens <= first.time() and last.time() <= closes
        for opens, closes in intervals(branch, first.date())
    )
