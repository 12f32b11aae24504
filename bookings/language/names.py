"""Names out of speech: made comparable, compared, refused where they are none."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from rapidfuzz import fuzz

from bookings.language.numbers import fold, numeral, word_list

_TITLES = frozenset(
    word_list("herr herrn frau fraeulein dr doktor prof professor dipl ing med")
)
_PARTICLES = frozenset(
    word_list("von van vom zu zur der den de di da el la le ten ter")
)
_PLACEHOLDERS = frozenset(
    word_list(
        "none null nil undefined unbekannt unknown anonymous anonym nan na n/a leer"
        " empty keine keiner kein k.a. - -- ? string name customer kunde anrufer"
    )
) | {"not provided", "nicht angegeben", "keine angabe", "current"}
_FOREIGN = str.maketrans({"ı": "i", "ł": "l", "ø": "o", "đ": "d", "æ": "ae"})
_FAMILY_CUTOFF = 85
_GIVEN_CUTOFF = 90
#: What no name contains, and what is no name where nothing else is said.
_NEVER = frozenset(
    word_list("uhr termin hallo ich nicht danke bitte moechte moment tschuess guten")
)
_ALONE = frozenset(
    word_list(
        "ja nein tag morgen abend heute uebermorgen genau ok okay hm aehm ah oh so doch"
        " montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag um am"
        " mittag vormittag nachmittag vielleicht egal gern gerne weiss test mein meine"
        " assistent assistentin agent januar februar maerz april mai juni juli august"
        " september oktober november dezember mann frau herr kunde kundin der die das"
        " auf wiederhoeren wiedersehen moin servus gruess gott naechste woche"
    )
)
_ALLOWED = re.compile(r"[^\W\d_]|[ .'’`´-]|[\u0300-\u036f]")
#: Spellings that sound alike in German, applied in this order.
_SOUNDS = (
    ("ph", "f"), ("th", "t"), ("dt", "t"), ("tz", "z"), ("ck", "k"), ("ch", "x"),
    ("c", "k"), ("y", "i"), ("ie", "i"), ("ai", "ei"), ("ey", "ei"), ("ay", "ei"),
    ("v", "f"), ("ae", "e"), ("oe", "e"), ("ue", "i"), ("h", ""),
)  # fmt: skip


def normalize_name(text: str) -> str:
    """Return a name for comparing: lower case, umlauts spelled out, no titles."""
    return " ".join(word for word in _words(text) if word not in _TITLES)


def _words(text: str) -> list[str]:
    if text.count(",") == 1:
        family, given = text.split(",")
        text = f"{given} {family}"
    plain = fold(unicodedata.normalize("NFKC", text)).translate(_FOREIGN)
    bare = "".join(
        sign
        for sign in unicodedata.normalize("NFD", plain)
        if not unicodedata.combining(sign)
    )
    return re.sub(r"[^\w-]|_", " ", bare.replace("'", "").replace("’", "")).split()


def same_name(first: str, second: str) -> bool:
    """Tell whether both may be one person's name, a hearing error allowed.

    The family names must match; given names where both have one. This is a hint:
    never enough to merge people, nor to let anybody change an appointment.
    """
    one, other = (
        [word for word in normalize_name(text).split() if word not in _PARTICLES]
        for text in (first, second)
    )
    if not one or not other:
        return False
    if sorted(one) == sorted(other):
        return True
    if not _alike(one[-1], other[-1], _FAMILY_CUTOFF):
        return False
    if len(one) == 1 or len(other) == 1:
        return True
    return _alike(one[0], other[0], _GIVEN_CUTOFF)


def _alike(one: str, other: str, cutoff: int) -> bool:
    return _sound(one) == _sound(other) or fuzz.ratio(one, other) >= cutoff


def _sound(word: str) -> str:
    """Return one spelling for all that sound the same: Meier, Mayer, Maier."""
    for spelled, heard in _SOUNDS:
        # A leading h is heard: Hanna is not Anna.
        word = (
            word[:1] + word[1:].replace(spelled, heard)
            if spelled == "h"
            else (word.replace(spelled, heard))
        )
    return re.sub(r"(.)\1+", r"\1", word)


def is_placeholder(text: str) -> bool:
    """Tell whether a text holds nothing: empty, a template, "None", "unbekannt"."""
    plain = " ".join(text.split()).casefold().strip("\"'")
    return not plain or "{{" in plain or "}}" in plain or plain in _PLACEHOLDERS


def is_plausible(text: str, *, staff: Sequence[str] = ()) -> bool:
    """Tell whether this may be a person's name; unusual real ones may.

    :param staff: names of the house: models mistake them for the caller's.
    """
    spoken = text.strip()
    if is_placeholder(spoken) or not 2 <= len(spoken) <= 80:
        return False
    if not all(_ALLOWED.match(sign) for sign in spoken.replace(",", " ")):
        return False
    everything = _words(spoken)
    words = [word for word in everything if word not in _TITLES]
    if sum(len(word) for word in words) < 2 or _NEVER & set(words):
        return False
    has_title = len(words) < len(everything)
    if not has_title and all(_is_no_name(word) for word in words):
        return False
    own = [normalize_name(one) for one in staff]
    given = {one.split()[0] for one in own if len(one.split()) > 1}
    name = " ".join(words)
    return name not in own and name not in given


def _is_no_name(word: str) -> bool:
    return word in _ALONE or numeral(word) is not None
