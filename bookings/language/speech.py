"""Days, times, lists and amounts as they are said, the parts of every sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

WEEKDAYS = (
    "Montag",
    "Dienstag",
    "Mittwoch",
    "Donnerstag",
    "Freitag",
    "Samstag",
    "Sonntag",
)
MONTHS = (
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
)
MOST = 3  # more options than this nobody remembers
_KEYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MOST_NAMES = 8
_UNSPEAKABLE = re.compile(r"[{}<>\[\]|\\`*_#~^=\x00-\x1f]+")


def speakable(text: str, *, limit: int = 80) -> str:
    """Return stored text fit for a sentence: no braces, no markup, not endless."""
    return " ".join(_UNSPEAKABLE.sub(" ", text).split())[:limit].strip()


def clock(at: time) -> str:
    """Return a time: ``14 Uhr``, ``14 Uhr 30``."""
    return f"{at.hour} Uhr {at.minute}" if at.minute else f"{at.hour} Uhr"


def day(of: date) -> str:
    """Return a day without its year: ``Montag, dem 30. November``."""
    return f"{WEEKDAYS[of.weekday()]}, dem {of.day}. {MONTHS[of.month - 1]}"


def day_as_object(of: date) -> str:
    """Return a day in the accusative: ``Montag, den 30. November``."""
    return f"{WEEKDAYS[of.weekday()]}, den {of.day}. {MONTHS[of.month - 1]}"


def on_day(of: date, *, today: date) -> str:
    """Return a day: ``am Montag, dem 30. November``; near ones by their name too."""
    if of == today:
        return "heute"
    return (
        f"morgen, {day_as_object(of)}"
        if of == today + timedelta(days=1)
        else f"am {day(of)}"
    )


def when(starts_at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """Return a moment: ``am Montag, dem 30. November, um 14 Uhr``."""
    local = starts_at.astimezone(zone)
    spoken = on_day(local.date(), today=now.astimezone(zone).date())
    comma = "" if spoken == "heute" else ","
    return f"{spoken}{comma} um {clock(local.time())}"


def options(starts: Sequence[datetime], zone: ZoneInfo, now: datetime) -> str:
    """Return up to three moments, each day named once, the last after "oder"."""
    today = now.astimezone(zone).date()
    locals_ = sorted(one.astimezone(zone) for one in starts[:MOST])
    parts: list[str] = []
    for of, times in groupby(locals_, key=lambda one: one.date()):
        spoken = on_day(of, today=today)
        comma = "" if spoken == "heute" else ","
        first, *others = [f"um {clock(one.time())}" for one in times]
        parts.extend([f"{spoken}{comma} {first}", *others])
    return either(parts)


def either(parts: Sequence[str], joint: str = "oder") -> str:
    """Return ``a, b oder c``."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} {joint} {parts[-1]}"


def named(names: Sequence[str], joint: str = "oder") -> str:
    """Return names that were stored by staff, fit for speaking, not too many."""
    clean = list(filter(None, (speakable(name) for name in names)))
    if len(clean) > _MOST_NAMES:
        clean = [*clean[:_MOST_NAMES], "anderes"]
    return either(clean, joint)


def duration(minutes: int) -> str:
    """Return a length of time, rounded as people say it: ``2 Stunden``, ``3 Tage``."""
    if minutes < 90:
        return _counted(max(minutes, 1), "Minute", "Minuten")
    if minutes < 48 * 60:
        return _counted(round(minutes / 60), "Stunde", "Stunden")
    return f"{round(minutes / 1440)} Tage"


def _counted(count: int, one: str, many: str) -> str:
    return f"eine {one}" if count == 1 else f"{count} {many}"


def weekly_hours(hours: Mapping[str, Sequence[str]]) -> str:
    """Return opening hours, days with the same ones together; empty if there are none.

    :param hours: ``{"mon": ["09:00-12:30", "14:00-18:00"]}``.
    """
    each = [(index, _intervals(hours.get(key, ()))) for index, key in enumerate(_KEYS)]
    groups = []
    for spoken, members in groupby(each, key=lambda one: one[1]):
        days = [WEEKDAYS[index] for index, _ in members]
        if spoken:
            name = either(days, "und") if len(days) < 3 else f"{days[0]} bis {days[-1]}"
            groups.append(f"{name} von {spoken}")
    return "; ".join(groups)


def _intervals(texts: Sequence[str]) -> str:
    return either([_interval(text) for text in texts], "und von")


def _interval(text: str) -> str:
    ends = []
    for end in text.split("-"):
        hour, _, minute = end.strip().partition(":")
        ends.append(f"{int(hour)} Uhr" + (f" {int(minute)}" if int(minute) else ""))
    return " bis ".join(ends)
