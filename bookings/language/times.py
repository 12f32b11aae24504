"""German dates and times, understood: what can't be read is asked, never guessed.

Text becomes pieces (``tokens``), rules find times (``clock_rules``) and days
(``day_rules``, ``range_rules``), and ``day_sense`` and ``clock_sense`` put together
what was found.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bookings.language import clock_rules, day_rules, questions, range_rules, vocabulary
from bookings.language.clock_rules import Rule, Tokens, starts_with
from bookings.language.clock_sense import Times, times_of
from bookings.language.day_sense import SOON_DAYS, Days, days_of
from bookings.language.found import Found, Hours
from bookings.language.names import is_placeholder
from bookings.language.reading import PAST, Reading, comes_twice, to_instant
from bookings.language.tokens import Kind, tokenize

__all__ = ["PAST", "Reading", "resolve", "resolve_wish", "to_instant"]


def _soonest(tokens: Tokens, at: int, found: Found) -> int:
    """``so früh wie möglich``, ``egal wann``: any day, any time."""
    for words in vocabulary.SOONEST:
        if starts_with(tokens, at, words):
            found.is_soonest = True
            return len(words)
    return 0


#: Asked in this order at each piece; the first that reads something wins.
_RULES: tuple[Rule, ...] = (
    _soonest,
    *clock_rules.EARLY_RULES,
    *range_rules.RULES,
    *day_rules.RULES,
    *clock_rules.RULES,
    *day_rules.LAST_RULES,
    *clock_rules.LAST_RULES,
)


def resolve(
    phrase: str,
    *,
    now: datetime,
    zone: ZoneInfo,
    region: str = "",
    hours: tuple[time, time] | None = None,
) -> Reading:
    """Return what a phrase means, said at ``now``; a time without a day means today.

    :param region: a federal state ("BE"): decides what "viertel drei" is.
    :param hours: earliest opening and latest closing: decides what "um drei" is.
    """
    found = _found(now, zone)
    if not is_placeholder(phrase):
        _scan(phrase, found)
    if not _is_readable(found) or not found.read:
        return Reading(question=questions.ask_again())
    reading = _meaning(found, region, hours)
    return _with_day(found, reading)


def resolve_wish(
    date_text: str,
    time_text: str,
    *,
    now: datetime,
    zone: ZoneInfo,
    region: str = "",
    hours: tuple[time, time] | None = None,
) -> Reading:
    """Return what two arguments mean together; each may hold day and time.

    What neither says stays None: a missing day is never filled. Where they
    contradict each other, the answer is a question.
    """
    found = _found(now, zone)
    for text, hint, question in (
        (date_text, "date", questions.ask_date()),
        (time_text, "time", questions.ask_time()),
    ):
        if is_placeholder(text):
            continue
        before, found.hint = found.read, hint
        _scan(text, found)
        if found.read == before or not _is_readable(found):
            return Reading(question=question)
    return _meaning(found, region, hours)


def _found(now: datetime, zone: ZoneInfo) -> Found:
    return Found(now.astimezone(zone), zone)


def _scan(text: str, found: Found) -> None:
    """Read a text piece by piece; what no rule knows is kept as unread."""
    tokens = tokenize(text)
    at = 0
    while at < len(tokens):
        length = next((n for rule in _RULES if (n := rule(tokens, at, found))), 0)
        if length:
            found.read += 1
            at += length
            continue
        token = tokens[at]
        is_number = bool(token.values) and token.kind is not Kind.ARTICLE
        if is_number or token.text in vocabulary.BARRED | vocabulary.UNFINISHED:
            found.is_barred = True
        elif not token.is_known:
            found.unread.append(token.text)
        at += 1


def _is_readable(found: Found) -> bool:
    """Tell whether nothing was said that may change what was understood."""
    if found.is_barred:
        return False
    is_told = found.has_days or found.is_soonest
    return not found.unread or is_told or bool(found.hint == "time" and found.has_clock)


def _meaning(found: Found, region: str, hours: tuple[time, time] | None) -> Reading:
    days = days_of(found)
    times = times_of(found, region=region, hours=_minutes_of(hours))
    if days.is_past:
        day = days.span.first if days.span else None
        day = day if day is not None and day < found.today else None
        return Reading(day, day, question=questions.past_day(), error=PAST)
    question = days.question or times.question
    if question and not days.choices:
        return Reading(question=question)
    return _checked(found, _reading(days, times))


def _minutes_of(hours: tuple[time, time] | None) -> Hours | None:
    if hours is None:
        return None
    opens, closes = (one.hour * 60 + one.minute for one in hours)
    return opens, closes


def _reading(days: Days, times: Times) -> Reading:
    span = days.span
    first, last = (span.first, span.last) if span else (None, None)
    # A time on one of several days names no moment yet.
    is_open = bool(times.at and span and not span.is_single)
    clocks = (times.at, *times.others)
    alternatives: list[tuple[date | None, time | None]] = []
    if days.choices:
        alternatives = [(day.first, clock) for day in days.choices for clock in clocks]
    elif times.others:
        alternatives = [(first, clock) for clock in clocks]
    return Reading(
        date=first,
        date_to=last,
        time=times.at,
        time_from=times.begin,
        time_to=times.end,
        unsure=bool(alternatives) or is_open,
        alternatives=tuple(alternatives),
        question=days.question,
    )


def _checked(found: Found, reading: Reading) -> Reading:
    """Ask about an hour that the clocks skip, flag one that comes twice."""
    day, clock = reading.date, reading.time
    if day is None or clock is None or day != reading.date_to:
        return reading
    if to_instant(day, clock, found.zone) is None:
        return Reading(question=questions.skipped_hour())
    if comes_twice(day, clock, found.zone):
        return replace(reading, unsure=True)
    return reading


def _with_day(found: Found, reading: Reading) -> Reading:
    """Give a time without a day today; one that is over is not moved silently."""
    if reading.question or reading.error:
        return reading
    today = found.today
    if reading.date is None and found.is_soonest:
        end = today + timedelta(days=SOON_DAYS)
        return replace(reading, date=today, date_to=end)
    is_open = reading.date is None
    if is_open:
        options = tuple((today, clock) for _, clock in reading.alternatives)
        reading = replace(reading, date=today, date_to=today, alternatives=options)
    if reading.date != today or reading.date_to != today or reading.time is None:
        return _checked(found, reading)
    if reading.time > found.now.time():
        return _checked(found, reading)
    ahead = [
        one for one in reading.alternatives if one[1] and one[1] > found.now.time()
    ]
    if ahead:
        return _checked(found, replace(reading, time=ahead[0][1]))
    if not is_open:
        return replace(reading, question=questions.past_time(), error=PAST)
    day = today + timedelta(days=1)
    options = tuple((day, clock) for _, clock in reading.alternatives)
    options = options or ((day, reading.time),)
    return _checked(
        found,
        replace(reading, date=day, date_to=day, unsure=True, alternatives=options),
    )
