"""The rules that find times: "halb drei", "zwischen zehn und zwölf", "abends".

A rule gets the pieces and a position; it returns how many pieces it has read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from bookings.language import vocabulary
from bookings.language.found import Clock, Found, Span
from bookings.language.tokens import Kind, Token

Tokens = Sequence[Token]
Rule = Callable[[Tokens, int, Found], int]
Read = tuple[Clock, int] | None
_HALF_DAY = 720


def word(tokens: Tokens, at: int) -> str:
    """Return the text at a position, empty beyond the end."""
    return tokens[at].text if 0 <= at < len(tokens) else ""


def kind(tokens: Tokens, at: int) -> Kind | None:
    """Return the kind at a position, None beyond the end."""
    return tokens[at].kind if 0 <= at < len(tokens) else None


def starts_with(tokens: Tokens, at: int, words: Sequence[str]) -> bool:
    """Tell whether these words stand here."""
    return all(word(tokens, at + step) == text for step, text in enumerate(words))


def _clock_of(hour: int, minute: int, *, is_fixed: bool = False) -> Clock | None:
    if hour > 23 or minute > 59:
        return None
    fixed = is_fixed or hour > 12 or hour == 0
    return Clock((hour if fixed else hour % 12) * 60 + minute, fixed)


def _digital(tokens: Tokens, at: int, *, bare: bool) -> Read:
    """``9:30``, and with a dot where only a time can be meant."""
    token = tokens[at]
    is_marked = word(tokens, at + 1) == "uhr"
    is_dotted = token.kind in (Kind.DOTTED, Kind.DATE) and len(token.values) == 2
    is_month = is_dotted and 1 <= token.values[1] <= 12
    if is_month and not (bare or is_marked):
        return None
    if token.kind is not Kind.CLOCK and not is_dotted:
        return None
    clock = _clock_of(*token.values[:2], is_fixed=token.text.startswith("0"))
    return (clock, 2 if is_marked else 1) if clock else None


def _hours(tokens: Tokens, at: int, *, bare: bool) -> Read:
    """``14 Uhr``, ``zehn Uhr dreißig``."""
    token = tokens[at]
    if token.kind not in (Kind.NUMBER, Kind.ARTICLE) or word(tokens, at + 1) != "uhr":
        return None
    length, minute = 2, 0
    if kind(tokens, at + 2) is Kind.NUMBER and not _is_counted(tokens, at + 2):
        minute, length = tokens[at + 2].values[0], 3
        length += word(tokens, at + 3) in ("minuten", "uhr")
    clock = _clock_of(token.values[0], minute)
    return (clock, length) if clock else None


def _is_counted(tokens: Tokens, at: int) -> bool:
    """Tell whether a number counts something, or belongs to a date or a time."""
    after = word(tokens, at + 1)
    return bool(
        after in vocabulary.MONTHS
        or after in vocabulary.DAY_UNITS
        or after in vocabulary.MONTH_UNITS
        or after in vocabulary.MINUTE_UNITS
        or after in ("kw", "kalenderwoche")
        or (after and not tokens[at + 1].is_known)
    )


_QUARTERS = {"viertel": 45, "dreiviertel": 15, "halb": 30}


def _before_the_hour(tokens: Tokens, at: int, *, bare: bool) -> Read:
    """``halb drei``, ``viertel drei`` (14:15), ``dreiviertel drei`` (14:45)."""
    minutes, first = _QUARTERS.get(word(tokens, at)), at + 1
    if word(tokens, at) == "drei" and word(tokens, at + 1) == "viertel":
        minutes, first = 15, at + 2
    hour = _hour(tokens, first)
    if minutes is None or hour is None:
        return None
    clock = Clock((hour * 60 - minutes) % _HALF_DAY, is_regional=minutes != 30)
    return clock, first - at + 1 + (word(tokens, first + 1) == "uhr")


def _hour(tokens: Tokens, at: int) -> int | None:
    """Return an hour as spoken beside minutes: one to twelve."""
    if kind(tokens, at) not in (Kind.NUMBER, Kind.ARTICLE, Kind.ORDINAL):
        return None
    value = tokens[at].values[0]
    return value if 1 <= value <= 12 else None


def _past_or_to(tokens: Tokens, at: int, *, bare: bool) -> Read:
    """``viertel nach neun``, ``zehn vor drei``, ``fünf vor halb zwei``."""
    token, step = tokens[at], at + 1
    if token.text in ("viertel", "kurz"):
        minutes = 15 if token.text == "viertel" else 0
    elif token.kind is Kind.NUMBER and token.values[0] < 30:
        minutes = token.values[0]
        step += word(tokens, step) in ("minuten", "minute")
    else:
        return None
    sign = {"vor": -1, "nach": 1}.get(word(tokens, step))
    is_half = word(tokens, step + 1) == "halb"
    hour_at = step + 2 if is_half else step + 1
    if sign is None or kind(tokens, hour_at) is None:
        return None
    value = tokens[hour_at].values[0] if tokens[hour_at].values else 99
    if kind(tokens, hour_at) is not Kind.NUMBER or _is_counted(tokens, hour_at):
        return None
    length = hour_at - at + 1 + (word(tokens, hour_at + 1) == "uhr")
    total = value * 60 + sign * minutes - (30 if is_half else 0)
    if 13 <= value <= 23:
        return Clock(total, is_fixed=True), length
    return (Clock(total % _HALF_DAY), length) if 1 <= value <= 12 else None


def _noon(tokens: Tokens, at: int, *, bare: bool) -> Read:
    if bare and word(tokens, at) in ("mittag", "mittags"):
        return Clock(_HALF_DAY, is_fixed=True), 1
    return None


def _bare_hour(tokens: Tokens, at: int, *, bare: bool) -> Read:
    token = tokens[at]
    if not bare or token.kind not in (Kind.NUMBER, Kind.ORDINAL):
        return None
    if token.kind is Kind.ORDINAL and (
        not token.text[0].isdigit()
        or word(tokens, at + 1) in vocabulary.MONTHS
        or kind(tokens, at + 1) is Kind.ORDINAL
    ):
        return None
    if _is_counted(tokens, at):
        return None
    clock = _clock_of(token.values[0], 0)
    return (clock, 1) if clock else None


_FORMS = (_digital, _hours, _past_or_to, _before_the_hour, _noon, _bare_hour)


def read_clock(tokens: Tokens, at: int, *, bare: bool) -> Read:
    """Return the time that stands here and its length in pieces.

    :param bare: a number alone counts as an hour here.
    """
    if at >= len(tokens):
        return None
    for form in _FORMS:
        result = form(tokens, at, bare=bare)
        if result is not None:
            return result
    return None


def _window(tokens: Tokens, at: int, found: Found) -> int:
    """``zwischen zehn und zwölf``, ``von 14 bis 16 Uhr``, ``14 bis 16 Uhr``."""
    opening = word(tokens, at) in ("zwischen", "von")
    first_at = at + opening
    first = read_clock(tokens, first_at, bare=True)
    if first is None:
        return 0
    middle = first_at + first[1]
    joints = ("und", "bis") if word(tokens, at) == "zwischen" else ("bis",)
    if word(tokens, middle) not in joints:
        return 0
    second_at = middle + 1 + (word(tokens, middle + 1) == "um")
    second = read_clock(tokens, second_at, bare=True)
    if second is None:
        return 0
    found.clocks["from"].append(first[0])
    found.clocks["to"].append(second[0])
    end = second_at + second[1]
    return end - at + (word(tokens, end) == "uhr")


def _related(tokens: Tokens, at: int, found: Found) -> int:
    """``um neun``, ``ab 15 Uhr``, ``nicht vor elf``."""
    for words, relation in vocabulary.RELATIONS:
        if not starts_with(tokens, at, words):
            continue
        step = at + len(words)
        while word(tokens, step) in vocabulary.VAGUE:
            step += 1
        read = read_clock(tokens, step, bare=True)
        if read is not None:
            found.clocks[relation].append(read[0])
            return step + read[1] - at
        if len(words) > 1 or words[0] in ("vor", "nach"):
            found.is_barred = True
            return len(words)
        if words[0] in ("ab", "bis", "fruehestens", "spaetestens"):
            found.edge = relation
            return len(words)
        return 0
    return 0


def _plain(tokens: Tokens, at: int, found: Found) -> int:
    """A time with nothing before it."""
    bare = found.hint == "time"
    read = read_clock(tokens, at, bare=bare)
    if read is None:
        return 0
    found.clocks["at"].append(read[0])
    return read[1]


def _lone_hour(tokens: Tokens, at: int, found: Found) -> int:
    """``morgen neun``: a number that nothing else explains."""
    if found.hint == "date":
        return 0
    read = _bare_hour(tokens, at, bare=True)
    if read is None or tokens[at].kind is not Kind.NUMBER:
        return 0
    found.clocks["at"].append(read[0])
    return read[1]


def _part(tokens: Tokens, at: int, found: Found) -> int:
    """``vormittags``, ``am frühen Nachmittag``, ``Freitag morgen``."""
    text, before = word(tokens, at), word(tokens, at - 1)
    if text in vocabulary.EARLY_LATE and word(tokens, at + 1) in vocabulary.PARTS:
        found.is_early = vocabulary.EARLY_LATE[text]
        found.parts.append(vocabulary.PARTS[word(tokens, at + 1)])
        return 2
    if text == "morgen" and (
        before in ("am", "heute", "uebermorgen", "diesen", "gegen")
        or before in vocabulary.WEEKDAYS
    ):
        found.parts.append(vocabulary.MORNING)
        return 1
    if text in vocabulary.PARTS:
        found.parts.append(vocabulary.PARTS[text])
        return 1
    return 0


def _in_minutes(tokens: Tokens, at: int, found: Found) -> int:
    """``in einer halben Stunde``, ``in zwei Stunden``, ``in 20 Minuten``."""
    if word(tokens, at) != "in":
        return 0
    step, amount = at + 1, 1.0
    if kind(tokens, step) in (Kind.NUMBER, Kind.ARTICLE):
        amount, step = float(tokens[step].values[0]), step + 1
    if word(tokens, step) in ("anderthalb", "eineinhalb"):
        amount, step = 1.5, step + 1
    elif word(tokens, step) in ("halben", "halbe"):
        amount, step = 0.5, step + 1
    unit = vocabulary.MINUTE_UNITS.get(word(tokens, step))
    if unit is None or not 0 < amount * unit <= 24 * 60:
        return 0
    later = found.now.timestamp() + amount * unit * 60
    moment = datetime.fromtimestamp(later, found.zone)
    found.spans.append(Span(moment.date(), moment.date()))
    clock = Clock(moment.hour * 60 + moment.minute, is_fixed=True)
    found.clocks["at"].append(clock)
    return step - at + 1


#: Before the rules for days, and after them.
EARLY_RULES: tuple[Rule, ...] = (_in_minutes, _window, _related, _part)
RULES: tuple[Rule, ...] = (_plain,)
LAST_RULES: tuple[Rule, ...] = (_lone_hour,)
