"""End a machine's key."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from askpro.errors import AskProError
from tenants import keys


class Command(BaseCommand):
    """Refuse a key from this moment on."""

    help = "Revoke a key for good. Other processes refuse it within 30 seconds."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which one."""
        parser.add_argument("prefix", help="as mcp_key_list shows it")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Revoke it, or say that it is."""
        try:
            row = keys.find(options["prefix"])
        except AskProError as error:
            raise CommandError(str(error)) from error
        is_ours = keys.revoke(row)
        if options["json"]:
            self.stdout.write(json.dumps({"prefix": row.prefix, "revoked": is_ours}))
            return
        said = "is revoked" if is_ours else "was revoked before"
        self.stdout.write(
            f"{row.prefix} of {row.company.name} {said}. No process takes it after"
            f" {keys.GOOD_FOR_S:.0f} seconds; a new one comes from mcp_key_create."
        )
