"""``migrate`` as the tables' owner, and the roles' rights at its end."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from tenants import rls


class Command(migrate.Command):
    """Django's command, run by the owner where its login is known."""

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Migrate, then grant."""
        if options["database"] == "default" and "owner" in connections:
            options["database"] = "owner"
        if settings.IS_PRODUCTION and options["migration_name"]:
            _refuse_backwards(
                options["database"], options["app_label"], options["migration_name"]
            )
        super().handle(*arguments, **options)
        if not (options["plan"] or options["check_unapplied"]):
            rls.grant(connections[options["database"]])


def _refuse_backwards(database: str, app: str, name: str) -> None:
    """Let production's tables only grow: what a step back drops is lost.

    :raises CommandError: nothing was changed.
    """
    executor = MigrationExecutor(connections[database])
    target: str | None = None
    if name != "zero":
        target = executor.loader.get_migration_by_prefix(app, name).name
    if any(is_back for _, is_back in executor.migration_plan([(app, target)])):
        raise CommandError(
            "Production migrates forwards only: a step back drops tables and columns"
            " with what is in them. Restore a backup instead (docs/operations.md)."
        )
