"""How somebody who is new gets in: a letter with a link to set a password."""

from __future__ import annotations

from allauth.account.forms import ResetPasswordForm
from django.http import HttpRequest


def invite(request: HttpRequest, email: str) -> None:
    """Send the person a link to set a password, as for one that was forgotten."""
    form = ResetPasswordForm({"email": email})
    if form.is_valid():
        form.save(request)
