"""Accounts that production can't work with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import InvalidToken
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from tenants import factor_keys
from tenants.models import ProviderAccount
from tenants.scoping import every_company


@register(Tags.database)
def production_accounts(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """Refuse the sandbox as a provider, and keys that nobody can read any more."""
    if not settings.IS_PRODUCTION or "default" not in (databases or ()):
        return []
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [ProviderAccount._meta.db_table])
        if cursor.fetchone()[0] is None:
            return []  # `migrate` comes first
    errors: list[CheckMessage] = []
    with every_company():
        urls = list(ProviderAccount.objects.values_list("base_url", flat=True))
        if not _can_read():
            errors.append(
                Error(
                    "FIELD_ENCRYPTION_KEYS does not open the stored provider keys or"
                    " second factors.",
                    "Add the key that they were encrypted with; if it is lost, see"
                    " docs/operations.md.",
                    id="askpro.E007",
                )
            )
    # The sandbox speaks no TLS, wherever it runs.
    if any(urlsplit(url).scheme != "https" for url in urls):
        errors.append(
            Error(
                "A provider account's base URL is not https: that is the sandbox.",
                "Enter the provider's own base URL.",
                id="askpro.E005",
            )
        )
    return errors


def _can_read() -> bool:
    """Tell whether the keys open every stored secret; run where all rows are seen."""
    try:
        list(ProviderAccount.objects.all())
        return not factor_keys.rotate(dry_run=True).unreadable
    except (InvalidToken, ValueError):
        return False
