"""German numerals, as words, and telephone numbers for the ear."""

from __future__ import annotations

from functools import cache

import phonenumbers

_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def word_list(text: str) -> list[str]:
    """Return the words of a table that is written as one text."""
    return text.split()


_SMALL = word_list(
    "null eins zwei drei vier fuenf sechs sieben acht neun zehn elf zwoelf dreizehn"
    " vierzehn fuenfzehn sechzehn siebzehn achtzehn neunzehn"
)
_TENS = word_list("zwanzig dreissig vierzig fuenfzig sechzig siebzig achtzig neunzig")
_OTHER = {"ein": 1, "zwo": 2, "funf": 5, "zwolf": 12, "funfzehn": 15, "funfzig": 50}
_IRREGULAR = {1: ["erst"], 2: ["zweit", "zwot"], 3: ["dritt"], 8: ["acht"]}
_IRREGULAR[7] = ["siebt", "siebent"]
_DIGITS = dict(zip("0123456789", _SMALL, strict=False)) | {"5": "fünf"}


def fold(text: str) -> str:
    """Return the text in lower case with umlauts spelled out (``ü`` as ``ue``)."""
    return text.casefold().translate(_UMLAUTS)


@cache
def _below_hundred() -> dict[str, int]:
    words = {word: value for value, word in enumerate(_SMALL)} | _OTHER
    units = {word: value for word, value in words.items() if 0 < value < 10}
    for index, ten in enumerate(_TENS, start=2):
        words[ten] = index * 10
        for unit, value in units.items():
            words[f"{unit}und{ten}"] = index * 10 + value
    return words


def numeral(word: str) -> int | None:
    """Return the value of a numeral below ten thousand; None for any other word."""
    text, value = fold(word), 0
    if not text or len(text) > 60:
        return None
    for name, factor in (("tausend", 1000), ("hundert", 100)):
        before, found, after = text.partition(name)
        if found:
            count = _below_hundred().get(before or "ein")
            if count is None or not 0 < count < 100:
                return None
            value += count * factor
            text = after.removeprefix("und")
    if value and not text:
        return value
    rest = _below_hundred().get(text)
    return None if rest is None else value + rest


@cache
def _ordinals() -> dict[str, int]:
    words: dict[str, int] = {}
    for word, value in _below_hundred().items():
        stems = _IRREGULAR.get(value) or [word + ("t" if value < 20 else "st")]
        for stem in stems:
            for ending in ("e", "en", "er", "es", "em"):
                words[stem + ending] = value
    del words["nullte"], words["nullten"], words["nullter"]
    del words["nulltes"], words["nulltem"]
    return words


def ordinal(word: str) -> int | None:
    """Return the value of an ordinal in any ending; None for any other word."""
    return _ordinals().get(fold(word))


def spell_phone(e164: str) -> str:
    """Return a number as it is dictated: ``null drei null, acht drei sieben``.

    German numbers lose the country code; groups are those of the number's format.
    """
    try:
        number = phonenumbers.parse(e164)
    except phonenumbers.NumberParseException:
        return ""
    style = (
        phonenumbers.PhoneNumberFormat.NATIONAL
        if number.country_code == 49
        else phonenumbers.PhoneNumberFormat.INTERNATIONAL
    )
    text = phonenumbers.format_number(number, style)
    groups = [
        " ".join(_DIGITS[sign] for sign in group if sign in _DIGITS)
        for group in text.replace("/", " ").replace("-", " ").split()
    ]
    start = "plus " if text.startswith("+") else ""
    return start + ", ".join(filter(None, groups))
