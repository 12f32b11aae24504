"""Django's page and mail about an error, without secrets: DEBUG is no excuse.

What is hidden: whole frames of the code that handles secrets, variables, settings and
inputs by their names, and whatever looks like a secret or is one of the settings'.
"""

from __future__ import annotations

import re
from collections.abc import ItemsView
from types import FrameType
from typing import Any

from django.http import HttpRequest
from django.utils.datastructures import MultiValueDict
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from askpro import masking

#: Modules whose variables are secrets, or made of them.
SECRET_MODULES = (
    "allauth.mfa",
    "cryptography.",
    "hashlib",
    "hmac",
    "http.client",
    "integrations.calcom.authentication",
    "integrations.http",
    "integrations.retell.authentication",
    "integrations.retell.signatures",
    "integrations.transport",
    "requests.",
    "tenants.accounts",
    "tenants.factor_keys",
    "tenants.field_keys",
    "tenants.fields",
    "tenants.key_authentication",
    "tenants.keys",
    "urllib3.",
)


class ReporterFilter(SafeExceptionReporterFilter):
    """Hides secrets also where DEBUG is on, and where nobody marked a variable."""

    hidden_settings = re.compile(
        rf"{SafeExceptionReporterFilter.hidden_settings.pattern}"
        rf"|{masking.SECRET_NAME.pattern}",
        re.IGNORECASE,
    )

    def is_active(self, request: HttpRequest | None) -> bool:
        """Always."""
        return True

    def cleanse_setting(self, key: Any, value: Any) -> Any:
        """Return a setting, header or cookie, without what looks like a secret."""
        cleansed = super().cleanse_setting(key, value)
        return masking.in_text(cleansed) if isinstance(cleansed, str) else cleansed

    def get_post_parameters(self, request: HttpRequest | None) -> Any:
        """Return the inputs of a form, the secret ones hidden by their names."""
        return _inputs(super().get_post_parameters(request))

    def get_traceback_frame_variables(
        self, request: HttpRequest | None, tb_frame: FrameType
    ) -> ItemsView[str, Any]:
        """Return a frame's variables; none of the code that handles secrets."""
        module = tb_frame.f_globals.get("__name__") or ""
        is_hidden = f"{module}.".startswith(
            tuple(f"{name.rstrip('.')}." for name in SECRET_MODULES)
        )
        found = dict(super().get_traceback_frame_variables(request, tb_frame))
        return {
            name: self.cleansed_substitute
            if is_hidden or masking.is_secret(name)
            else _shown(value)
            for name, value in found.items()
        }.items()


def _shown(value: Any) -> Any:
    if isinstance(value, MultiValueDict):
        return _inputs(value)
    return masking.in_value(value)


def _inputs(values: Any) -> dict[str, Any]:
    return {
        name: masking.STARS if masking.is_secret(name) else masking.in_value(one)
        for name, one in values.items()
    }


class Reporter(ExceptionReporter):
    """Reads what is shown once more: reprs and addresses have secrets of their own."""

    def get_traceback_html(self) -> SafeString:
        """Return the page."""
        return _without_secrets(super().get_traceback_html())

    def get_traceback_text(self) -> SafeString:
        """Return the text for whoever takes no page, and for mails."""
        return _without_secrets(super().get_traceback_text())


def _without_secrets(text: str) -> SafeString:
    for secret in sorted(masking.own_secrets(), key=len, reverse=True):
        for spelled in {secret, escape(secret), escape(repr(secret)[1:-1])}:
            text = text.replace(spelled, masking.STARS)
    return SafeString(masking.in_text(text))
