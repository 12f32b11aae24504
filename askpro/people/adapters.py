"""Where the sign-in library asks us: who may, how it is kept, what it says."""

from __future__ import annotations

from typing import Any
from urllib.parse import urljoin

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.ratelimit import respond_429
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from askpro.people import letters, second_factor
from tenants.addresses import client_ip
from tenants.fields import decrypt, encrypt

#: The address of whoever can't be told: all of them share one limit.
UNKNOWN = "::"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up: owners invite, operators are made by command."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address as far as our own proxies can tell."""
        address: str | None = client_ip(request)
        return address or UNKNOWN

    def _get_login_attempts_cache_key(
        self, request: HttpRequest, **credentials: Any
    ) -> str:
        # The library's own begins with the Host header, whose port anybody may choose:
        # with another one the count would begin anew.
        name: str = credentials.get("email") or credentials.get("username") or ""
        return name.lower()

    def validation_error(self, code: str, *arguments: Any) -> ValidationError:
        """Return what is wrong with a form; too many tries end in a page of their own.

        :raises ImmediateHttpResponse: the page, which is the same for everybody.
        """
        if code in ("too_many_login_attempts", "rate_limited"):
            raise ImmediateHttpResponse(respond_429(self.request))
        error: ValidationError = super().validation_error(code, *arguments)
        return error

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return a link's address; never by what the request calls this host."""
        uid, _, token = key.partition("-")
        name = "account_reset_password_from_key"
        path = reverse(name, kwargs={"uidb36": uid, "key": token})
        return str(urljoin(settings.PUBLIC_BASE_URL, path))

    def send_password_reset_mail(
        self, user: User, email: str, context: dict[str, Any]
    ) -> None:
        """Send the link to the stored address, never to one that looks like it."""
        super().send_password_reset_mail(user, user.email or email, context)

    def send_mail(
        self, template_prefix: str, email: str, context: dict[str, Any]
    ) -> None:
        """Send one of our letters, beside the request."""
        base_url = settings.PUBLIC_BASE_URL.rstrip("/")
        context = {"base_url": base_url, "email": email} | context
        letters.send_soon(self.render_mail(template_prefix, email, context))


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
