"""Which service or person was named: all that fit, so that two become a question."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from rapidfuzz import fuzz

from bookings.language.names import normalize_name, same_name
from bookings.language.numbers import fold, numeral, word_list

Id = TypeVar("Id", bound=Hashable)

_CUTOFF = 82
_NEAR = 6  # candidates this close to the best are not told apart by hearing
_FILLERS = frozenset(
    word_list(
        "ein eine einen einem einer fuer zum zur zu bitte gern gerne termin termine ich"
        " der die das den dem moechte haette mit und bei im am in einmal nur also von"
    )
)
_WORD = re.compile(r"[0-9]+|[^\W\d_]+")
#: For whom: services that differ only in this are never confused.
_GROUPS = ("herren", "damen", "kinder", "maenner", "frauen", "jungen", "maedchen")


def match_service(
    spoken: str, services: Sequence[tuple[Id, str, Sequence[str]]]
) -> list[Id]:
    """Return the services that were meant; several are ambiguous, none unknown.

    :param services: id, name and synonyms of each.
    """
    labels = [
        (key, _words(label))
        for key, name, synonyms in services
        for label in (name, *synonyms)
    ]
    labels = [(key, words) for key, words in labels if words]
    wanted = _words(spoken)
    if not wanted:
        return []
    exact = [key for key, words in labels if words == wanted]
    if exact:
        return _unique(exact)
    possible = [(key, words) for key, words in labels if _fits(wanted, words)]
    held = [one for one in possible if set(one[1]) <= set(wanted)]
    if held:
        return _unique(key for key, words in held if not _is_part(words, held))
    holding = [key for key, words in possible if _is_inside(wanted, words)]
    return _unique(holding) or _alike(wanted, possible)


def _words(text: str) -> list[str]:
    words = []
    for word in _WORD.findall(fold(text)):
        value = numeral(word) if word not in _FILLERS else None
        if word not in _FILLERS:
            words.append(word if value is None else str(value))
    return words


def _unique(keys: Iterable[Id]) -> list[Id]:
    return list(dict.fromkeys(keys))


def _fits(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """Tell whether nothing that was said speaks against these words."""
    numbers, own = _numbers(wanted), _numbers(words)
    groups, owned = _groups(wanted), _groups(words)
    return (not numbers or not own or numbers <= own) and (
        not groups or not owned or bool(groups & owned)
    )


def _numbers(words: Sequence[str]) -> set[str]:
    return {word for word in words if word.isdigit()}


def _groups(words: Sequence[str]) -> set[str]:
    return {group for group in _GROUPS for word in words if word.startswith(group)}


def _is_part(words: Sequence[str], others: Sequence[tuple[Id, Sequence[str]]]) -> bool:
    """Tell whether another label says all of this and more."""
    return any(set(words) < set(other) for _, other in others)


def _is_inside(wanted: Sequence[str], words: Sequence[str]) -> bool:
    """Tell whether every word is one of these, or the end or start of one."""
    return all(
        any(word == one or (len(word) >= 4 and word in one) for one in words)
        for word in wanted
    )


def _alike(
    wanted: Sequence[str], labels: Sequence[tuple[Id, Sequence[str]]]
) -> list[Id]:
    scored = [
        (fuzz.ratio(" ".join(wanted), " ".join(words)), key) for key, words in labels
    ]
    best = max((score for score, _ in scored), default=0.0)
    if best < _CUTOFF:
        return []
    return _unique(key for score, key in scored if score >= best - _NEAR)


def match_staff(spoken: str, staff: Sequence[tuple[Id, str]]) -> list[Id]:
    """Return the people who may have been meant by a name, given or family name."""
    wanted = " ".join(
        word for word in normalize_name(spoken).split() if word not in _FILLERS
    )
    if not wanted:
        return []
    names = [(key, normalize_name(name)) for key, name in staff]
    exact = [key for key, name in names if name == wanted]
    if exact:
        return _unique(exact)
    part = [key for key, name in names if wanted in name.split()]
    if part:
        return _unique(part)
    alike = [key for key, name in names if same_name(wanted, name)]
    if alike:
        return _unique(alike)
    return _alike(
        wanted.split(), [(key, [word]) for key, name in names for word in name.split()]
    )
