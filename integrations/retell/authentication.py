"""Who may knock as Retell: whoever signed the raw bytes with an account's key."""

from __future__ import annotations

import time
from uuid import UUID

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from integrations.retell import signatures
from tenants import uses
from tenants.accounts import NOBODYS_SECRETS, Verified, keys_of


class RetellSignature(BaseAuthentication):
    """Verify ``X-Retell-Signature`` over the raw body."""

    def authenticate(self, request: Request) -> tuple[None, Verified]:
        """Return the verified bytes.

        :raises AuthenticationFailed: no such account, or no valid signature.
        """
        endpoint: UUID | None = request.parser_context["kwargs"].get("endpoint")
        account = keys_of("retell", endpoint)
        raw: bytes = request._request.body
        secret = signatures.signer(
            raw,
            request.META.get("HTTP_X_RETELL_SIGNATURE"),
            account.secrets if account else NOBODYS_SECRETS,
            now_ms=time.time_ns() // 1_000_000,
        )
        if account is None or secret is None:
            raise AuthenticationFailed("The signature is missing or wrong.")
        uses.note_secret(account.id, company_id=account.company_id, secret=secret)
        return None, Verified(raw, account)

    def authenticate_header(self, request: Request) -> str:
        """Return what makes a refusal a 401."""
        return "X-Retell-Signature"
