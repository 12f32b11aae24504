"""Whose name and password these are."""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.models import User
from django.http import HttpRequest

from askpro.people import names


class NameOrAddressBackend(AuthenticationBackend):  # type: ignore[misc]
    """Try a password on each person that a name may mean, and on each just once.

    The library's own tries it on a person up to three times where names look like
    addresses, and once where there is nobody: that difference can be measured.
    """

    def _authenticate(
        self, request: HttpRequest | None, **credentials: Any
    ) -> User | None:
        password: str = credentials.get("password") or ""
        typed = (credentials.get(key) or "" for key in ("username", "email"))
        for user in names.people_called(*typed):
            if self._check_password(user, password):
                return user
        return None
