"""Whom a typed name or address means, in whichever letters it was stored."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ResetPasswordForm
from django.contrib.auth.models import User


def people_called(*typed: str) -> list[User]:
    """Return who has this user name, then who has this address; nobody twice."""
    people: list[User] = []
    for name in dict.fromkeys(filter(None, typed)):
        people += User.objects.filter(username__iexact=name)[:1]
        people += people_at(name)
    return list(dict.fromkeys(people))


def people_at(address: str) -> list[User]:
    """Return who has this e-mail address."""
    wanted = address.lower()
    found = User.objects.filter(email__iexact=address).order_by("pk")
    # PostgreSQL takes more letters for the same than Python does.
    return [one for one in found if one.email.lower() == wanted]


class ForgottenForm(ResetPasswordForm):  # type: ignore[misc]
    """Asks whose password is forgotten.

    The library's own finds only addresses that were stored in small letters.
    """

    def clean_email(self) -> Any:
        """Find who has it, and say nothing of it."""
        email: str = self.cleaned_data["email"]
        self.users = [one for one in people_at(email) if one.is_active]
        return email
