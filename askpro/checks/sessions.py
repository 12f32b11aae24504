"""Sessions of PostgreSQL that are handed on: what one is told, another would hear."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import psycopg
from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections


@register(Tags.database)
def session_state(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """Refuse a proxy that hands sessions on."""
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
