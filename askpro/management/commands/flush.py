"""``flush`` empties every table: never in production."""

from __future__ import annotations

from django.core.management.commands import flush

from tenants.management.refused import NotInProduction


class Command(NotInProduction, flush.Command):
    """Django's command, where it may do that."""
