"""Pages of the sign-in library that need one rule more."""

from __future__ import annotations

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.views import RemoveWebAuthnView
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect


class RemoveKeyView(RemoveWebAuthnView):  # type: ignore[misc]
    """Remove a security key, unless its person must keep it.

    The library asks whether a factor may go for its app alone, not for a key.
    """

    def form_valid(self, form: Any) -> HttpResponse:
        """Remove it, or say why it stays."""
        adapter = get_adapter()
        if not adapter.can_delete_authenticator(self.get_object()):
            said = adapter.error_messages["cannot_delete_authenticator"]
            messages.error(self.request, said)
            return redirect("mfa_index")
        answer: HttpResponse = super().form_valid(form)
        return answer
