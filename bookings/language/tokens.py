"""Spoken or written text, cut into the pieces that the time grammar reads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from rapidfuzz import fuzz, process

from bookings.language import vocabulary
from bookings.language.numbers import fold, numeral, ordinal

MAX_LENGTH = 400
_CORRECT_FROM = 88


class Kind(Enum):
    """What a piece is by its form."""

    ISO = "ISO date, perhaps with a time"
    DATE = "day, month, perhaps year, with dots"
    CLOCK = "hour and minute with a colon"
    DOTTED = "two numbers with a dot: a time or a date"
    ORDINAL = "ordinal"
    NUMBER = "number"
    ARTICLE = "ein, eine, ...: one, before a unit"
    WORD = "word"


@dataclass(frozen=True)
class Token:
    """One piece; ``values`` are its numbers, ``text`` is folded."""

    kind: Kind
    text: str
    values: tuple[int, ...] = ()

    @property
    def is_known(self) -> bool:
        """Whether the grammar or its list of fillers has the word."""
        return self.kind is not Kind.WORD or self.text in vocabulary.KNOWN


_PATTERN = re.compile(
    r"""
    (?P<iso>(?<![0-9])[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}
        (?:[t ]\s?[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?
            (?:\s?(?:z\b|[+-][0-9]{2}:?[0-9]{2}))?)?(?![0-9]))
  | (?P<date>[0-9]{1,2}\.\s?[0-9]{1,2}\.(?:\s?[0-9]{4}(?![0-9])|[0-9]{2}(?![0-9:]))?)
  | (?P<clock>[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?(?![0-9]))
  | (?P<dotted>[0-9]{1,2}\.[0-9]{1,2}(?![0-9]))
  | (?P<ordinal>[0-9]{1,3}\.(?![0-9]))
  | (?P<number>[0-9]+)
  | (?P<dash>(?<=[0-9.])\s?[-–]\s?(?=[0-9]))
  | (?P<word>[^\W\d_]+)
    """,
    re.VERBOSE,
)
_KINDS = {
    "iso": Kind.ISO,
    "date": Kind.DATE,
    "clock": Kind.CLOCK,
    "dotted": Kind.DOTTED,
    "ordinal": Kind.ORDINAL,
    "number": Kind.NUMBER,
}
_ARTICLES = frozenset({"ein", "eine", "einer", "einem", "einen", "eines"})
_SAME = {"h": "uhr", "std": "stunden", "min": "minuten"}
_COMPOUND = re.compile(
    r"(?P<day>montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonnabend|sonntag)"
    r"(?P<part>frueh|morgen|morgens|vormittag|mittag|nachmittag|abend|nacht)s?"
)


def tokenize(text: str) -> list[Token]:
    """Return the pieces of a text; what has no meaning to the ear is dropped."""
    plain = fold(unicodedata.normalize("NFKC", text[:MAX_LENGTH]))
    tokens: list[Token] = []
    for match in _PATTERN.finditer(plain):
        name, piece = match.lastgroup or "", match.group()
        if name == "word":
            tokens.extend(_words(piece))
        elif name == "dash":
            tokens.append(Token(Kind.WORD, "bis"))
        else:
            values = tuple(int(part[:9]) for part in re.findall(r"[0-9]+", piece))
            tokens.append(Token(_KINDS[name], piece, values))
    return tokens


def _words(word: str) -> Iterator[Token]:
    if word in _ARTICLES:
        yield Token(Kind.ARTICLE, word, (1,))
        return
    value, place = numeral(word), ordinal(word)
    if value is not None:
        yield Token(Kind.NUMBER, word, (value,))
        return
    if place is not None:
        yield Token(Kind.ORDINAL, word, (place,))
        return
    compound = _COMPOUND.fullmatch(word)
    if compound:
        yield Token(Kind.WORD, compound["day"])
        part = compound["part"]
        yield Token(Kind.WORD, "frueh" if part.startswith("morgen") else part)
        return
    yield Token(Kind.WORD, _known(word))


def _known(word: str) -> str:
    """Return the word of the vocabulary that was meant, else the word itself."""
    word = _SAME.get(word, word)
    if word in vocabulary.KNOWN:
        return word
    if word in vocabulary.UNDOTTED:
        return vocabulary.UNDOTTED[word]
    if len(word) < 6:
        return word
    best = process.extractOne(
        word, vocabulary.CORRECTABLE, scorer=fuzz.ratio, score_cutoff=_CORRECT_FROM
    )
    return best[0] if best else word
