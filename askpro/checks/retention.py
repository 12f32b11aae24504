"""How long things are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from tenants.audit_triggers import YOUNGEST_DAYS


@register()
def audit_is_kept_long_enough(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """Refuse a number of days at which the database refuses to forget anything."""
    if settings.AUDIT_RETENTION_DAYS > YOUNGEST_DAYS:
        return []
    return [
        Error(
            f"AUDIT_RETENTION_DAYS is {settings.AUDIT_RETENTION_DAYS}: the audit trail"
            f" keeps {YOUNGEST_DAYS} days whatever it says, and forgets nothing.",
            f"Set {YOUNGEST_DAYS + 1} or more, or leave it out for a year.",
            id="askpro.E020",
        )
    ]
