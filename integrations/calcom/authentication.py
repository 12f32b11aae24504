"""Cal.com's webhook signature: HMAC-SHA256 over the raw body, without a time.

Source: https://cal.com/docs/developing/guides/automation/webhooks
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from tenants import uses
from tenants.accounts import NOBODYS_SECRETS, Verified, keys_of


def verify(raw: bytes, header: str | None, secrets: Iterable[str]) -> bool:
    """Tell whether one of ``secrets`` signed exactly these bytes."""
    return signer(raw, header, secrets) is not None


def signer(raw: bytes, header: str | None, secrets: Iterable[str]) -> str | None:
    """Return which of ``secrets`` signed exactly these bytes.

    Cal.com sends ``no-secret-provided`` where none is set; that is refused like
    every other wrong value. Never raises, and tries every secret.
    """
    said = (header or "").encode()
    found: str | None = None
    for secret in secrets:
        if secret:
            digest = hmac.digest(secret.encode(), raw, "sha256").hex().encode()
            if hmac.compare_digest(digest, said):
                found = found or secret
    return found


class CalcomSignature(BaseAuthentication):
    """Verify ``X-Cal-Signature-256`` over the raw body."""

    def authenticate(self, request: Request) -> tuple[None, Verified]:
        """Return the verified bytes.

        :raises AuthenticationFailed: no such account, or no valid signature.
        """
        endpoint: UUID | None = request.parser_context["kwargs"].get("endpoint")
        account = keys_of("calcom", endpoint)
        raw: bytes = request._request.body
        header = request.META.get("HTTP_X_CAL_SIGNATURE_256")
        secret = signer(raw, header, account.secrets if account else NOBODYS_SECRETS)
        if account is None or secret is None:
            raise AuthenticationFailed("The signature is missing or wrong.")
        uses.note_secret(account.id, company_id=account.company_id, secret=secret)
        return None, Verified(raw, account)

    def authenticate_header(self, request: Request) -> str:
        """Return what makes a refusal a 401."""
        return "X-Cal-Signature-256"
