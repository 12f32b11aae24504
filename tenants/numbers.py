"""Telephone numbers as E.164: every spelling of a number becomes the same text."""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers

E164 = re.compile(r"\+[1-9]\d{6,14}")
_TRUNK_ZERO = re.compile(r"\(\s*0\s*\)")


def e164(spoken: str, *, region: str = "DE") -> str | None:
    """Return the number as E.164; None for what is no possible number.

    ``anonymous``, extensions, an empty text and whatever else a provider puts
    where a number should be are None, never an error.

    :param region: the country of a number that is written without one.
    """
    return _e164(spoken or "", region)


@lru_cache(maxsize=4096)
def _e164(spoken: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(_TRUNK_ZERO.sub("", spoken), region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return text if E164.fullmatch(text) else None
