"""A third provider: an answering service that writes down who wants to be called back.

Nothing of the product knows of it: this package and a setting are all that there is.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from bookings import callbacks
from bookings.models import Callback
from tenants import resolver
from tenants.accounts import NOBODYS_SECRETS, Verified, keys_of
from tenants.models import Branch
from tenants.numbers import e164
from tenants.resolver import Owner
from tenants.scoping import scope
from webhooks.handlers import Handler, StoredDelivery, Unresolved
from webhooks.providers import Provider, Recognised

MAX_AGE_S = 300
HEADER = "HTTP_X_THIRD_SIGNATURE"


def sign(raw: bytes, key: str, at_s: int) -> str:
    """Return the header's value."""
    digest = hmac.digest(key.encode(), b"%d." % at_s + raw, hashlib.sha256)
    return f"{at_s}.{digest.hex()}"


class ThirdSignature(BaseAuthentication):
    """Verify the raw bytes and their age."""

    def authenticate(self, request: Request) -> tuple[None, Verified]:
        """Return the verified bytes.

        :raises AuthenticationFailed: no such account, too old, or signed by nobody.
        """
        endpoint: UUID | None = request.parser_context["kwargs"].get("endpoint")
        account = keys_of("third", endpoint)
        raw: bytes = request._request.body
        said = request.META.get(HEADER, "")
        at = said.partition(".")[0]
        at_s = int(at) if at.isascii() and at.isdigit() else 0
        keys = account.secrets if account else NOBODYS_SECRETS
        fits = [hmac.compare_digest(said, sign(raw, key, at_s)) for key in keys]
        if account is None or not any(fits) or abs(time.time() - at_s) > MAX_AGE_S:
            raise AuthenticationFailed("The signature is missing, wrong or too old.")
        return None, Verified(raw, account)

    def authenticate_header(self, request: Request) -> str:
        """Return what makes a refusal a 401."""
        return "X-Third-Signature"


class CallbackWanted(Handler):
    """Keep the wish where staff see it."""

    def resolve(self, delivery: StoredDelivery) -> Owner:
        """Return whose number was dialled, within the verifying account."""
        number = e164(str(delivery.body.get("dialled") or ""))
        owner = number and resolver.owner_of_number(number, within=delivery.company_id)
        if not owner:
            raise Unresolved("the dialled number belongs to no branch")
        return owner

    def apply(self, delivery: StoredDelivery, owner: Owner, facts: Any) -> None:
        """Write it down."""
        with scope(owner.company_id):
            callbacks.store(
                Branch.objects.get(pk=owner.branch_id),
                Callback.Kind.REQUESTED,
                call=None,
                phone=e164(str(delivery.body.get("caller"))),
                reason=delivery.correlation_id,
            )


class Third(Provider):
    """The answering service."""

    name = "third"
    authentication = ThirdSignature
    handlers = {"callback_wanted": CallbackWanted()}

    def recognise(self, body: Mapping[str, Any]) -> Recognised:
        """Return event, conversation and dialled number."""
        return Recognised(
            event=str(body.get("kind") or ""),
            call_id=str(body.get("conversation") or ""),
            correlation_id=str(body.get("conversation") or ""),
            number=e164(str(body.get("dialled") or "")) or "",
        )
