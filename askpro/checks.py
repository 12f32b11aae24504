"""What production refuses to start with."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import psycopg
from cryptography.fernet import InvalidToken
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import connections

from tenants.models import ProviderAccount
from tenants.scoping import every_company

SHORTEST_SECRET = 32
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@register(Tags.security)
def production_settings(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """Refuse settings that are fine on a laptop only."""
    if not settings.IS_PRODUCTION:
        return []
    errors: list[CheckMessage] = []
    if len(settings.SECRET_KEY) < SHORTEST_SECRET or "unsafe" in settings.SECRET_KEY:
        errors.append(
            Error(
                "SECRET_KEY is empty or weak.",
                "Set 50 random characters.",
                id="askpro.E001",
            )
        )
    if not settings.FIELD_ENCRYPTION_KEYS:
        errors.append(
            Error(
                "FIELD_ENCRYPTION_KEYS is empty.", "Set a Fernet key.", id="askpro.E002"
            )
        )
    if settings.DEBUG:
        errors.append(Error("DEBUG is on.", "Switch it off.", id="askpro.E003"))
    if "smtp" not in settings.EMAIL_BACKEND:
        errors.append(
            Warning(
                "Confirmations are written to files: no customer gets one.",
                "Set EMAIL_URL, for example smtp+tls://user:password@host:587.",
                id="askpro.W001",
            )
        )
    return errors


@register(Tags.database)
def session_state(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """Refuse a proxy that hands sessions on: what one is told, another would hear."""
    if not settings.IS_PRODUCTION or "default" not in (databases or ()):
        return []
    connection: Any = connections["default"]
    parameters = connection.get_connection_params() | {
        "cursor_factory": psycopg.Cursor,
        "autocommit": True,
    }
    with psycopg.connect(**parameters) as one, psycopg.connect(**parameters) as other:
        if not share_a_session(one, other):
            return []
    return [
        Error(
            "A proxy in front of PostgreSQL pools transactions: companies would see"
            " each other's rows.",
            "Pool sessions there, or connect to PostgreSQL itself.",
            id="askpro.E006",
        )
    ]


def share_a_session(one: psycopg.Connection, other: psycopg.Connection) -> bool:
    """Tell whether what one connection is told is heard on the other."""
    said = uuid.uuid4().hex
    for _ in range(3):
        one.execute("SELECT set_config('askpro.probe', %s, false)", [said])
        row = other.execute("SELECT current_setting('askpro.probe', true)").fetchone()
        if row == (said,):
            return True
    return False


@register(Tags.database)
def production_database(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """Refuse a login that could see through the wall."""
    if not settings.IS_PRODUCTION or "default" not in (databases or ()):
        return []
    errors: list[CheckMessage] = []
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper OR rolbypassrls OR rolinherit FROM pg_roles"
            " WHERE rolname = session_user"
        )
        sees_through = cursor.fetchone()[0]
    if sees_through:
        errors.append(
            Error(
                "The application's database login could see every company's rows.",
                "Use a NOINHERIT login as in docs/roles.sql.",
                id="askpro.E004",
            )
        )
    return errors


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
        try:
            list(ProviderAccount.objects.all())
        except InvalidToken:
            errors.append(
                Error(
                    "FIELD_ENCRYPTION_KEYS does not open the stored provider keys.",
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
