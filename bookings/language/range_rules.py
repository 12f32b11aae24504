"""The rules that find stretches of days: "nächste Woche", "Anfang Dezember"."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from bookings.language import vocabulary
from bookings.language.clock_rules import Rule, Tokens, kind, word
from bookings.language.found import Found, Span
from bookings.language.tokens import Kind

_OFFSETS = {
    "": 0,
    vocabulary.THIS: 0,
    vocabulary.COMING: 1,
    vocabulary.NEXT: 1,
    vocabulary.AFTER_NEXT: 2,
    vocabulary.LAST: -1,
}
_EDGES = ("anfang", "mitte", "ende")
#: First and last day of a week's part, counted from Monday.
_WEEK_PARTS = {"anfang": (0, 2), "mitte": (1, 3), "ende": (3, 6), "": (0, 6)}
_ARTICLES = ("der", "des", "dem", "den", "die", "am", "im", "laufenden")


def _length(tokens: Tokens, at: int) -> tuple[str, str, int]:
    """Read ``Ende [der] [nächsten]``; return the part, which one, and where we are."""
    step, part = at, ""
    if word(tokens, step) in _EDGES:
        part, step = word(tokens, step), step + 1
        while word(tokens, step) in _ARTICLES:
            step += 1
    which = vocabulary.WHICH.get(word(tokens, step), "")
    return part, which, step + bool(which)


def _week(tokens: Tokens, at: int, found: Found) -> int:
    """``nächste Woche``, ``Ende nächster Woche``, ``diese Woche``."""
    part, which, step = _length(tokens, at)
    if word(tokens, step) not in ("woche", "wochen") or not (part or which):
        return 0
    week = found.week(_OFFSETS[which])
    first, last = _WEEK_PARTS[part]
    days = Span(week.first + timedelta(days=first), week.first + timedelta(days=last))
    _add(found, days)
    return step - at + 1


def _add(found: Found, days: Span) -> None:
    """Add days, without those that are over."""
    if days.last < found.today:
        found.is_past = True
    found.spans.append(days)


def _weekend(tokens: Tokens, at: int, found: Found) -> int:
    """``am Wochenende``; the next one may be this week's or the one after: asked."""
    which = vocabulary.WHICH.get(word(tokens, at), "")
    step = at + bool(which)
    if word(tokens, step) not in ("wochenende", "wochenendes"):
        return 0
    weeks = [found.week(offset) for offset in range(3)]
    first, second, third = (
        Span(week.first + timedelta(days=5), week.last) for week in weeks
    )
    if which == vocabulary.NEXT and found.today.weekday() < 5:
        found.choices.extend([first, second])
    elif which == vocabulary.AFTER_NEXT:
        found.choices.extend([second, third])
    elif which == vocabulary.LAST:
        found.is_past = True
    else:
        is_weekend = found.today.weekday() >= 5
        jumps = which in (vocabulary.NEXT, vocabulary.COMING) and is_weekend
        found.spans.append(second if jumps else first)
    return step - at + 1


def _month(tokens: Tokens, at: int, found: Found) -> int:
    """``Anfang Dezember``, ``im Januar``, ``Ende des Monats``, ``nächsten Monat``."""
    part, which, step = _length(tokens, at)
    name = word(tokens, step)
    if name in vocabulary.MONTHS:
        first = _named_month(found.today, vocabulary.MONTHS[name], part)
    elif name in ("monat", "monats") and (part or which):
        months = found.today.month - 1 + _OFFSETS[which]
        first = date(found.today.year + months // 12, months % 12 + 1, 1)
    else:
        return 0
    _add(found, _part_of_month(first, part))
    return step - at + 1


def _named_month(today: date, month: int, part: str) -> date:
    this_year = date(today.year, month, 1)
    if _part_of_month(this_year, part).last >= today:
        return this_year
    return date(today.year + 1, month, 1)


def _part_of_month(first: date, part: str) -> Span:
    last = calendar.monthrange(first.year, first.month)[1]
    begin, end = {"anfang": (1, 10), "mitte": (11, 20), "ende": (21, last)}.get(
        part, (1, last)
    )
    return Span(first.replace(day=begin), first.replace(day=end))


def _nth_weekday(tokens: Tokens, at: int, found: Found) -> int:
    """``ersten Montag im Dezember``, ``letzten Freitag des Monats``."""
    is_last = vocabulary.WHICH.get(word(tokens, at)) == vocabulary.LAST
    weekday = vocabulary.WEEKDAYS.get(word(tokens, at + 1))
    if weekday is None or not (is_last or kind(tokens, at) is Kind.ORDINAL):
        return 0
    step = at + 2
    while word(tokens, step) in ("im", "des", "in", "vom"):
        step += 1
    inner = Found(found.now, found.zone)
    length = _month(tokens, step, inner) or _this_month(tokens, step, inner)
    if not length:
        return 0
    month = inner.spans[0]
    days = [month.of(weekday) + timedelta(weeks=week) for week in range(5)]
    inside = [day for day in days if day <= month.last]
    number = len(inside) if is_last else tokens[at].values[0]
    if not 1 <= number <= len(inside):
        found.is_barred = True
    else:
        _add(found, Span(inside[number - 1], inside[number - 1]))
    return step + length - at


def _this_month(tokens: Tokens, at: int, found: Found) -> int:
    if word(tokens, at) not in ("monat", "monats"):
        return 0
    found.spans.append(_part_of_month(found.today.replace(day=1), ""))
    return 1


RULES: tuple[Rule, ...] = (_nth_weekday, _week, _weekend, _month)
