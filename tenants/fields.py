"""A text that only this installation can read: encrypted in the database."""

from __future__ import annotations

from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.db import models
from django.db.models.query_utils import DeferredAttribute

#: How a secret begins where rows are written to a file.
DUMPED = "fernet:"


class Secret(str):
    """A text that looks like any other and shows nothing of itself.

    Tracebacks, debuggers and reprs of whatever holds it print stars.
    """

    __slots__ = ("token",)
    #: How it stands in the database, where it was read from there.
    token: str

    def __repr__(self) -> str:
        return "'***'" if self else "''"


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
    secret = Secret(fernet.decrypt(token.encode()).decode() if token else "")
    secret.token = token
    return secret


def is_current(token: str) -> bool:
    """Tell whether the first of the keys made this token."""
    try:
        _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS[:1])).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def rotated(token: str) -> str:
    """Return the token of the same text by the first of the keys.

    :raises cryptography.fernet.InvalidToken: none of the keys made it.
    """
    fernet = _fernet(tuple(settings.FIELD_ENCRYPTION_KEYS))
    return fernet.rotate(token.encode()).decode()


class _SecretAttribute(DeferredAttribute):
    """Makes a :class:`Secret` of whatever text is given to a row."""

    def __set__(self, instance: models.Model, value: Any) -> None:
        name = self.field.attname
        if isinstance(value, str) and not isinstance(value, Secret):
            # What was entered again is no change, in the audit trail neither.
            known = instance.__dict__.get(name)
            value = known if known == value else Secret(value)
        instance.__dict__[name] = value


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """A secret: plain in Python, a Fernet token in the database.

    It can't be filtered by: the same text gives another token each time.
    """

    descriptor_class = _SecretAttribute

    def get_prep_value(self, value: Any) -> Any:
        token: str = getattr(value, "token", "")
        if token and is_current(token):
            return token
        return encrypt(value) if value else ""

    def from_db_value(self, value: str | None, *_: Any) -> str:
        return decrypt(value or "")

    def value_to_string(self, obj: models.Model) -> str:
        """Return what ``dumpdata`` writes: a token, as it stands in the database."""
        text = self.value_from_object(obj)
        return f"{DUMPED}{encrypt(text)}" if text else ""

    def to_python(self, value: Any) -> Any:
        """Return the text; also of a token that ``dumpdata`` wrote.

        :raises ValidationError: none of the keys made the token.
        """
        text = super().to_python(value)
        if not isinstance(text, str) or not text.startswith(DUMPED):
            return text
        try:
            return decrypt(text.removeprefix(DUMPED))
        except InvalidToken as error:
            raise ValidationError("FIELD_ENCRYPTION_KEYS does not open it.") from error
