"""``test`` makes and drops databases: never in production."""

from __future__ import annotations

from django.core.management.commands import test

from tenants.management.refused import NotInProduction


class Command(NotInProduction, test.Command):
    """Django's command, where it may do that."""
