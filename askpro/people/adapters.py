"""Where the sign-in library asks us: who may, how it is kept, what it says."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from askpro.people import second_factor
from tenants.addresses import client_ip
from tenants.fields import decrypt, encrypt


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: owners invite, operators are made by command."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address as far as our own proxies can tell."""
        return client_ip(request) or "unknown"


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Second factors are encrypted, and who must have one keeps one."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": _(
            "Owners and operators need a second factor. Set up another one first."
        ),
    }

    def encrypt(self, text: str) -> str:
        """Return a secret as it is stored."""
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """Return a stored secret."""
        return decrypt(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Keep the last one of somebody who must have one."""
        user: Any = authenticator.user
        if not second_factor.is_required_of(user) or not second_factor.counts(
            authenticator
        ):
            return True
        return second_factor.factors_of(user).exclude(pk=authenticator.pk).exists()
