"""A text that only this installation can read: encrypted in the database."""

from __future__ import annotations

from functools import cache
from typing import Any

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@cache
def _fernet(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured(
            "FIELD_ENCRYPTION_KEYS is empty: set at least one Fernet key."
        )
    return MultiFernet([Fernet(key) for key in keys])


def encrypt(text: str) -> str:
    """Return the text as a token; ``""`` stays ``""``."""
    fernet = _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))
    return fernet.encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    """Return the text of a token.

    :raises cryptography.fernet.InvalidToken: none of the keys made it.
    """
    fernet = _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))
    return fernet.decrypt(token.encode()).decode() if token else ""


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """A secret: plain in Python, a Fernet token in the database.

    It can't be filtered by: the same text gives another token each time.
    """

    def get_prep_value(self, value: Any) -> Any:
        return encrypt(value) if value else ""

    def from_db_value(self, value: str | None, *_: Any) -> str:
        return decrypt(value or "")
