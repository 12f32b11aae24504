"""``loaddata`` overwrites rows: never in production."""

from __future__ import annotations

from django.core.management.commands import loaddata

from tenants.management.refused import NotInProduction


class Command(NotInProduction, loaddata.Command):
    """Django's command, where it may do that."""
