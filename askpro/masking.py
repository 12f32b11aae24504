"""What is a secret, by its name and by its look: for logs and for error pages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings

from tenants.fields import Secret

STARS = "***"
SHORTEST_SECRET = 8

#: Names of settings, variables, form inputs and headers that hold a secret.
SECRET_NAME = re.compile(
    r"api_?key|(^|_)keys?$|secret|passw|pwd|token|authorization|cookie|signature"
    r"|credential|^plain$|(database|owner|reader|redis|email|broker)_url|dsn|sessionid",
    re.IGNORECASE,
)
#: Settings whose names sound like secrets and are none.
_NO_SECRETS = re.compile("COOKIE|CSRF|HASHERS|VALIDATORS")
#: What a secret looks like wherever it stands.
_LOOKS = (
    (re.compile(r"(askpro_(?:live|test)_[0-9a-f]{12})_[0-9a-f]+"), rf"\1_{STARS}"),
    (
        re.compile(r"(?i)\b(bearer|basic)((?: |%20|\+)+)[\w.~+/=-]{16,}"),
        rf"\1\2{STARS}",
    ),
    (re.compile(r"(://[^/\s:@]*):[^/\s@]+@"), rf"\1:{STARS}@"),
    (re.compile(r"(?i)(passw(?:or)?d=)\S+"), rf"\1{STARS}"),
    (re.compile(r"\bgAAAA[\w-]{60,}={0,2}"), STARS),
)


def is_secret(name: object) -> bool:
    """Tell whether something of this name holds a secret."""
    return isinstance(name, str) and SECRET_NAME.search(name) is not None


def in_text(text: str) -> str:
    """Return the text without what looks like a secret."""
    for pattern, instead in _LOOKS:
        text = pattern.sub(instead, text)
    return text


def in_value(value: Any, *, deep: int = 6) -> Any:
    """Return the value without secrets, inside what holds others too."""
    if isinstance(value, Secret) and value:
        return STARS
    if isinstance(value, str):
        return in_text(value)
    if isinstance(value, bytes):
        return in_text(value.decode("utf-8", "replace"))
    if deep and isinstance(value, Mapping):
        return {
            name: STARS if is_secret(name) else in_value(one, deep=deep - 1)
            for name, one in value.items()
        }
    if deep and isinstance(value, list | tuple):
        return [in_value(one, deep=deep - 1) for one in value]
    return value


def own_secrets() -> set[str]:
    """Return every secret that stands in the settings."""
    found: set[str] = set()
    for name in dir(settings):
        if name.isupper() and not _NO_SECRETS.search(name):
            _collect(name, getattr(settings, name), found, is_hidden=is_secret(name))
    return found


def _collect(name: str, value: Any, found: set[str], *, is_hidden: bool) -> None:
    if isinstance(value, Mapping):
        for key, one in value.items():
            _collect(str(key), one, found, is_hidden=is_hidden or is_secret(str(key)))
    elif isinstance(value, list | tuple | set):
        for one in value:
            _collect(name, one, found, is_hidden=is_hidden)
    elif is_hidden and isinstance(value, str) and len(value) >= SHORTEST_SECRET:
        found.add(value)
