"""What an attack is, and when it has succeeded."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

#: Stands in rows of the other company alone, and in no attack.
SECRET = "Geheimnis4711"
#: More than any answer may have, in bytes.
HUGE = 5_000_000


@dataclass
class Outcome:
    """What came back, one way or another."""

    rows: list[Any] = field(default_factory=list)
    said: str = ""  # errors and notices
    is_cancelled: bool = False
    proofs: tuple[Any, Any] = (None, None)  # before and after

    @property
    def words(self) -> str:
        return f"{self.rows} {self.said}".lower()

    @property
    def size(self) -> int:
        return sum(len(str(value)) for row in self.rows for value in row)


class Leaks:
    """The other company's rows come back, or are told by an error or a notice."""

    def has_succeeded(self, outcome: Outcome) -> bool:
        return SECRET.lower() in outcome.words


@dataclass
class Tells:
    """Something about the server comes back."""

    word: str

    def has_succeeded(self, outcome: Outcome) -> bool:
        return self.word.lower() in outcome.words


@dataclass
class Betrays:
    """An error comes only because a row of the other company was looked at."""

    word: str

    def has_succeeded(self, outcome: Outcome) -> bool:
        return self.word.lower() in outcome.said.lower()


@dataclass
class Changes:
    """What a proof finds is another thing afterwards."""

    proof: str

    def has_succeeded(self, outcome: Outcome) -> bool:
        before, after = outcome.proofs
        return before != after


class Overloads:
    """It is still running when it is ended, or fills the memory of who asked."""

    def has_succeeded(self, outcome: Outcome) -> bool:
        return outcome.is_cancelled or outcome.size > HUGE


class Crashes:
    """The process that parses it dies."""

    def has_succeeded(self, outcome: Outcome) -> bool:
        raise NotImplementedError("the runner starts a process for it")


Success = Leaks | Tells | Betrays | Changes | Overloads | Crashes


@dataclass(frozen=True)
class Attack:
    """One text. ``{b}`` is the other company, ``{setting}`` where it could be said,
    ``{victim}`` the other company's session, ``{low}`` a role that may do less.
    """

    name: str
    text: str
    success: Success
    bindings: tuple[Any, ...] = ()
    #: Run first, on the unprotected copy only.
    begins: str = ""
    #: Outside a transaction; it touches nothing but the canary.
    is_outside: bool = False
    #: How a careless front end reads the text, or puts the values into it.
    read: Callable[[str], str] = str

    def __str__(self) -> str:
        return self.name

    @property
    def is_about_sessions(self) -> bool:
        return "{victim}" in self.text or "activity" in self.text


def compatible(text: str) -> str:
    """Read it as who makes one letter of all that look alike."""
    return unicodedata.normalize("NFKC", text)


def until_zero(text: str) -> str:
    """Read it as C does."""
    return text.split("\0")[0]
