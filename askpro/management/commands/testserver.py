"""``testserver`` serves invented data: never in production."""

from __future__ import annotations

from django.core.management.commands import testserver

from tenants.management.refused import NotInProduction


class Command(NotInProduction, testserver.Command):
    """Django's command, where it may do that."""
