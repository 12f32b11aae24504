"""The rules that find days: "übermorgen", "3. Dezember", "Montag in einer Woche".

A rule gets the pieces and a position; it returns how many pieces it has read.
"""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from dateutil.easter import easter

from bookings.language import feasts, vocabulary
from bookings.language.clock_rules import Rule, Tokens, kind, starts_with, word
from bookings.language.found import Clock, Found, Shift, Span, Weekday
from bookings.language.tokens import Kind

YEARS_AHEAD = 2  # what lies further away is a wrong year
LATELY = timedelta(days=14)  # past days of this year that were meant as said
_FAR_DAYS = 800
_LAST_WEEK = 53


def day_of(year: int, month: int, day: int) -> date | None:
    """Return the day, None where the calendar has none."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def next_day(today: date, month: int, day: int) -> date | None:
    """Return the next such day from today on, also 29 February."""
    days = (day_of(today.year + ahead, month, day) for ahead in range(9))
    return next((one for one in days if one is not None and one >= today), None)


def _add_day(found: Found, year: int | None, month: int, day: int) -> None:
    """Add a day; models often send a wrong year, so an odd one is not taken."""
    exact = day_of(year, month, day) if year is not None else None
    today = found.today
    if exact is not None and year is not None:
        if today <= exact and year <= today.year + YEARS_AHEAD:
            found.spans.append(Span(exact, exact))
            return
        if year == today.year and today - exact <= LATELY:
            found.is_past = True
            found.spans.append(Span(exact, exact))
            return
    nearest = next_day(today, month, day)
    if nearest is None:
        found.is_barred = True
        return
    found.spans.append(Span(nearest, nearest))


def _iso(tokens: Tokens, at: int, found: Found) -> int:
    """``2026-12-03``, with a time: local, or with an offset that is honored."""
    if kind(tokens, at) is not Kind.ISO:
        return 0
    year, month, day, *rest = tokens[at].values
    text = tokens[at].text
    minutes = rest[0] * 60 + rest[1] if len(rest) > 1 else 0
    if len(rest) > 1 and (rest[0] > 23 or rest[1] > 59):
        found.is_barred = True
        return 1
    # Models write midnight where they know no time.
    if minutes and (text.endswith("z") or (len(text) > 12 and text[-6:-5] in "+-")):
        local = _local(text, found)
        if local is None:
            found.is_barred = True
            return 1
        year, month, day = local.year, local.month, local.day
        minutes = local.hour * 60 + local.minute
    _add_day(found, year, month, day)
    if minutes:
        found.clocks["at"].append(Clock(minutes, is_fixed=True))
    return 1


def _local(text: str, found: Found) -> datetime | None:
    plain = text.replace("z", "+00:00").replace("t", "T").replace(",", ".")
    try:
        moment = datetime.fromisoformat(plain.replace(" ", ""))
        return moment.astimezone(UTC).astimezone(found.zone)
    except (ValueError, OverflowError):
        return None


def _numbers(tokens: Tokens, at: int, found: Found) -> int:
    """``3.12.``, ``03.12.2026``, ``4.12.26``."""
    if kind(tokens, at) not in (Kind.DATE, Kind.DOTTED):
        return 0
    token = tokens[at]
    day, month = token.values[:2]
    if token.kind is Kind.DOTTED and (
        not 1 <= month <= 12 or word(tokens, at + 1) == "uhr" or found.hint == "time"
    ):
        return 0
    length, year = 1, token.values[2] if len(token.values) > 2 else None
    if year is None:
        year, more = _year(tokens, at + 1)
        length += more
    elif year < 100:
        year += 2000
    _add_day(found, year, month, day)
    return length


def _year(tokens: Tokens, at: int) -> tuple[int | None, int]:
    if kind(tokens, at) is Kind.NUMBER and 1900 <= tokens[at].values[0] <= 2999:
        return tokens[at].values[0], 1
    return None, 0


def _month_at(tokens: Tokens, at: int) -> int | None:
    """Return a month by its name or by its ordinal: ``Dezember``, ``Zwölften``."""
    if kind(tokens, at) is Kind.ORDINAL and 1 <= tokens[at].values[0] <= 12:
        return tokens[at].values[0]
    return vocabulary.MONTHS.get(word(tokens, at))


def _day_and_month(tokens: Tokens, at: int, found: Found) -> int:
    """``3. Dezember``, ``dritter Zwölfter``, ``neunten Dezember 2026``."""
    is_ordinal = kind(tokens, at) is Kind.ORDINAL
    if not is_ordinal and kind(tokens, at) is not Kind.NUMBER:
        return 0
    month = _month_at(tokens, at + 1)
    if month is None or not (is_ordinal or word(tokens, at + 1) in vocabulary.MONTHS):
        return 0
    year, more = _year(tokens, at + 2)
    _add_day(found, year, month, tokens[at].values[0])
    return 2 + more


def _days_between(tokens: Tokens, at: int, found: Found) -> int:
    """``vom 3. bis 5. Dezember``, ``zwischen dem 3. und dem 5.``"""
    step = at + (word(tokens, at) in ("vom", "von", "zwischen"))
    step += word(tokens, step) in ("dem", "den")
    if kind(tokens, step) is not Kind.ORDINAL:
        return 0
    first, own = tokens[step].values[0], _month_at(tokens, step + 1)
    joint = step + (2 if own else 1)
    if word(tokens, joint) not in ("bis", "und"):
        return 0
    joint += 1
    while word(tokens, joint) in ("zum", "dem", "den", "am"):
        joint += 1
    if kind(tokens, joint) is not Kind.ORDINAL:
        return 0
    month = _month_at(tokens, joint + 1)
    length = joint - at + (2 if month else 1)
    begins = _first_day(found, own or month, first)
    ends = begins and next_day(begins, month or begins.month, tokens[joint].values[0])
    if begins is None or ends is None or ends - begins > timedelta(days=62):
        found.is_barred = True
        return length
    found.spans.append(Span(begins, ends))
    return length


def _first_day(found: Found, month: int | None, day: int) -> date | None:
    if month is not None:
        return next_day(found.today, month, day)
    return on_day_of_month(found.today, day)


def on_day_of_month(start: date, day: int) -> date | None:
    """Return the next day with this number from a day on."""
    for ahead in range(12):
        months = start.month - 1 + ahead
        found = day_of(start.year + months // 12, months % 12 + 1, day)
        if found is not None and found >= start:
            return found
    return None


def _feast(tokens: Tokens, at: int, found: Found) -> int:
    """``Heiligabend``, ``Ostermontag``, ``zwischen den Jahren``."""
    for words in feasts.FEAST_NAMES:
        if starts_with(tokens, at, words):
            spans = _feast_days(" ".join(words), found.today)
            # The year runs on: what is over comes again.
            found.spans.append(next(one for one in spans if one.last >= found.today))
            return len(words)
    return 0


def _feast_days(name: str, today: date) -> Iterator[Span]:
    for year in range(today.year, today.year + 3):
        if name in feasts.EASTER_FEASTS:
            begin, end = feasts.EASTER_FEASTS[name]
            sunday = easter(year)
            yield Span(sunday + timedelta(days=begin), sunday + timedelta(days=end))
        else:
            first, last = feasts.FIXED_FEASTS[name]
            yield Span(date(year, *first), date(year, *last))


def _relative(tokens: Tokens, at: int, found: Found) -> int:
    """``heute``, ``übermorgen``."""
    days = vocabulary.RELATIVE_DAYS.get(word(tokens, at))
    if days is None:
        return 0
    day = found.today + timedelta(days=days)
    found.is_past = found.is_past or days < 0
    found.spans.append(Span(day, day))
    return 1


def _weekday(tokens: Tokens, at: int, found: Found) -> int:
    """``Montag``, ``nächsten Freitag``, ``übernächsten Mittwoch``."""
    which = vocabulary.WHICH.get(word(tokens, at), "")
    step = at + bool(which)
    number = vocabulary.WEEKDAYS.get(word(tokens, step))
    if number is None:
        return 0
    found.is_past = found.is_past or which == vocabulary.LAST
    found.weekdays.append(Weekday(number, which, at))
    return step - at + 1


def _in_days(tokens: Tokens, at: int, found: Found) -> int:
    """``in 14 Tagen``, ``über eine Woche``, ``in anderthalb Wochen``."""
    if word(tokens, at) not in ("in", "ueber"):
        return 0
    step = at + 1
    amount: float | None = None
    if word(tokens, step) in ("anderthalb", "eineinhalb"):
        amount = 1.5
    elif kind(tokens, step) in (Kind.NUMBER, Kind.ARTICLE):
        amount = float(tokens[step].values[0])
    unit = word(tokens, step + 1)
    if amount is None or amount > _FAR_DAYS:
        return 0
    if unit in vocabulary.MONTH_UNITS and amount == int(amount) <= 24:
        later = _months_later(found.today, int(amount))
        found.spans.append(Span(later, later))
        return 3
    per = vocabulary.DAY_UNITS.get(unit)
    if per is None or amount * per > _FAR_DAYS:
        return 0
    days = amount * per
    slack = (0, 0)
    if days != int(days):
        slack = (math.floor(days) - 1, math.ceil(days) + 1)
    found.shifts.append(Shift(int(days), at, per == 7, slack))
    return 3


def _months_later(day: date, months: int) -> date:
    total = day.month - 1 + months
    year, month = day.year + total // 12, total % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _day_of_month(tokens: Tokens, at: int, found: Found) -> int:
    """``am siebzehnten``; a bare number only where a date was asked for."""
    is_number = kind(tokens, at) is Kind.NUMBER and found.hint == "date"
    if kind(tokens, at) is not Kind.ORDINAL and not is_number:
        return 0
    if is_number and word(tokens, at + 1) == "uhr":
        return 0
    found.month_days.append(tokens[at].values[0])
    return 1


def _calendar_week(tokens: Tokens, at: int, found: Found) -> int:
    """``Kalenderwoche fünfzig``, ``KW 50``, ``50. Kalenderwoche``: Monday to Friday."""
    names, numbers = ("kw", "kalenderwoche"), (Kind.NUMBER, Kind.ORDINAL)
    if word(tokens, at) in names and kind(tokens, at + 1) in numbers:
        number = tokens[at + 1].values[0]
    elif word(tokens, at + 1) in names and kind(tokens, at) in numbers:
        number = tokens[at].values[0]
    else:
        return 0
    if not 1 <= number <= _LAST_WEEK:
        found.is_barred = True
        return 2
    for year in range(found.today.isocalendar().year, found.today.year + 7):
        try:
            monday = date.fromisocalendar(year, number, 1)
        except ValueError:
            continue
        if monday + timedelta(days=4) >= found.today:
            found.spans.append(Span(monday, monday + timedelta(days=4)))
            return 2
    found.is_barred = True
    return 2


#: Longer forms come before the shorter ones that they begin with.
RULES: tuple[Rule, ...] = (
    _iso,
    _feast,
    _days_between,
    _numbers,
    _day_and_month,
    _calendar_week,
    _in_days,
    _relative,
    _weekday,
)
LAST_RULES: tuple[Rule, ...] = (_day_of_month,)
