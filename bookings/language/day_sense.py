"""Which days are meant by all that was found, or what must be asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from bookings.language import questions, vocabulary
from bookings.language.day_rules import on_day_of_month
from bookings.language.found import Found, Span, Weekday

SOON_DAYS = 13  # how far "from Monday on" and "as soon as possible" reach
_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Days:
    """The days that were meant; ``choices`` where two readings are as likely."""

    span: Span | None = None
    choices: tuple[Span, ...] = ()
    question: str = ""
    is_past: bool = False


def days_of(found: Found) -> Days:
    """Put together what was said about the day."""
    if not found.has_days:
        return Days(is_past=found.is_past)
    spans, weekdays = _shifted(found)
    if len(found.shifts) > 1 or len({one.number for one in weekdays}) > 1:
        return Days(question=questions.ask_date())
    span = _common(spans)
    if spans and span is None:
        return Days(question=questions.ask_date())
    if found.month_days:
        span = _numbered(found, span)
        if span is None:
            return Days(question=questions.ask_date())
    days = Days(span)
    if weekdays:
        days = _on_weekday(found, weekdays[0], span)
    elif found.choices:
        days = _of_choices(found.choices, span)
    return _bounded(found, days)


def _shifted(found: Found) -> tuple[list[Span], list[Weekday]]:
    """Apply ``in two weeks`` to the day or weekday that it belongs to."""
    spans, weekdays = list(found.spans), list(found.weekdays)
    if len(found.shifts) != 1:
        return spans, weekdays
    shift = found.shifts[0]
    days = shift.days
    has_base = bool(spans or (weekdays and weekdays[0].position < shift.position))
    if days == 8 and has_base and not shift.is_weeks:
        days = 7  # "heute in acht Tagen" counts today
    if weekdays and weekdays[0].position < shift.position:
        day = _next(found.today, weekdays.pop(0).number) + timedelta(days=days)
        return [*spans, Span(day, day)], weekdays
    if weekdays and shift.is_weeks:
        return [*spans, found.week(days // 7)], weekdays
    if spans and spans[0].is_single:
        day = spans.pop(0).first + timedelta(days=days)
        return [*spans, Span(day, day)], weekdays
    if days == 8 and not shift.is_weeks:
        week = found.today + _WEEK, found.today + timedelta(days=8)
        found.choices.extend(Span(day, day) for day in week)
        return spans, weekdays
    first, last = (found.today + timedelta(days=days),) * 2
    if shift.slack[1]:
        first, last = (found.today + timedelta(days=more) for more in shift.slack)
    return [*spans, Span(first, last)], weekdays


def _common(spans: list[Span]) -> Span | None:
    """Return the days that all the spans share."""
    if not spans:
        return None
    first = max(span.first for span in spans)
    last = min(span.last for span in spans)
    return Span(first, last) if first <= last else None


def _next(today: date, weekday: int) -> date:
    """Return the next such weekday after today."""
    tomorrow = today + timedelta(days=1)
    return Span(tomorrow, tomorrow).of(weekday)


def _numbered(found: Found, span: Span | None) -> Span | None:
    """Return the day with the number that was said, inside the span if there is one."""
    if len(set(found.month_days)) > 1:
        return None
    start = max(span.first, found.today) if span else found.today
    day = on_day_of_month(start, found.month_days[0])
    if day is None or (span is not None and day > span.last):
        return None
    return Span(day, day)


def _on_weekday(found: Found, weekday: Weekday, span: Span | None) -> Days:
    if span is None:
        return _which_weekday(found, weekday)
    day = span.of(weekday.number)
    if span.is_single and day != span.first:
        return Days(question=questions.contradiction(span.first))
    if day > span.last:
        return Days(question=questions.ask_date())
    if day < found.today and day + _WEEK <= span.last:
        day = Span(found.today, span.last).of(weekday.number)
    only, later = Span(day, day), day + _WEEK
    if later <= span.last:
        return Days(only, (only, Span(later, later)), questions.which_day(day, later))
    return Days(only)


def _which_weekday(found: Found, weekday: Weekday) -> Days:
    """Choose among this week's and the next ones; where people differ, ask."""
    today, which = found.today, weekday.which
    nearest = _next(today, weekday.number)
    is_this_week = nearest <= found.week(0).last
    if which == vocabulary.THIS and today.weekday() == weekday.number:
        return _either(today, nearest)
    if which == vocabulary.NEXT and is_this_week:
        return _either(nearest, nearest + _WEEK)
    if which == vocabulary.AFTER_NEXT and is_this_week:
        return _either(nearest + _WEEK, nearest + 2 * _WEEK)
    if which == vocabulary.AFTER_NEXT:
        nearest += _WEEK
    return Days(Span(nearest, nearest))


def _either(first: date, second: date) -> Days:
    choices = Span(first, first), Span(second, second)
    return Days(choices[0], choices, questions.which_day(first, second))


def _of_choices(choices: list[Span], span: Span | None) -> Days:
    if span is not None:
        fitting = [one for one in choices if _common([one, span])]
        if len(fitting) != 1:
            return Days(question=questions.ask_date())
        return Days(_common([fitting[0], span]))
    question = questions.which_day(choices[0].first, choices[1].first)
    return Days(choices[0], tuple(choices), question)


def _bounded(found: Found, days: Days) -> Days:
    """Apply "from" and "until", and leave out days that are over."""
    span, today = days.span, found.today
    if span is None:
        return days
    if found.edge == vocabulary.FROM:
        far = span.first + timedelta(days=SOON_DAYS)
        span = Span(span.first, max(span.last, far))
    elif found.edge == vocabulary.TO and span.last >= today:
        span = Span(today, span.last)
    is_past = found.is_past or span.last < today
    if not is_past:
        span = Span(max(span.first, today), span.last)
    return Days(span, days.choices, days.question, is_past)
