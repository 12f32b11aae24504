"""``migrate`` as the tables' owner, and the roles' rights at its end."""

from __future__ import annotations

from typing import Any

from django.core.management.commands import migrate
from django.db import connections

from tenants import rls


class Command(migrate.Command):
    """Django's command, run by the owner where its login is known."""

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Migrate, then grant."""
        if options["database"] == "default" and "owner" in connections:
            options["database"] = "owner"
        super().handle(*arguments, **options)
        if not (options["plan"] or options["check_unapplied"]):
            rls.grant(connections[options["database"]])
