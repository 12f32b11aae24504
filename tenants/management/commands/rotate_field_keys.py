"""Encrypt every stored secret with the newest key."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants import factor_keys, field_keys
from tenants.scoping import every_company


class Command(BaseCommand):
    """Re-encrypt; afterwards only the first of FIELD_ENCRYPTION_KEYS is needed."""

    help = "Encrypt all stored secrets with the first of FIELD_ENCRYPTION_KEYS."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether to write."""
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Go through every column; fail while one holds what the first key can't open.

        It may be interrupted and repeated.
        """
        if not settings.FIELD_ENCRYPTION_KEYS:
            raise CommandError("FIELD_ENCRYPTION_KEYS is empty: set a Fernet key.")
        is_dry = options["dry_run"]
        with every_company():
            tallies = [
                field_keys.rotate(column, dry_run=is_dry)
                for column in field_keys.columns()
            ]
            tallies.append(factor_keys.rotate(dry_run=is_dry))
        if options["json"]:
            told = {"dry_run": is_dry, "columns": [asdict(one) for one in tallies]}
            self.stdout.write(json.dumps(told))
        else:
            self._print(tallies, is_dry=is_dry)
        if any(one.unreadable for one in tallies):
            raise CommandError(
                "None of FIELD_ENCRYPTION_KEYS opens the unreadable values: add the key"
                " that they were encrypted with, or enter them anew in the admin"
                " (second factors: second_factor_reset)."
            )
        if any(one.missed for one in tallies):
            raise CommandError("Some values changed meanwhile: run this again.")

    def _print(self, tallies: list[field_keys.Tally], *, is_dry: bool) -> None:
        verb = "to re-encrypt" if is_dry else "re-encrypted"
        for one in tallies:
            self.stdout.write(
                f"{one.column}: {one.rotated} {verb}, {one.current} up to date,"
                f" {one.unreadable} unreadable"
            )
        count = sum(one.rotated for one in tallies)
        if is_dry:
            self.stdout.write(f"{count} values would be re-encrypted.")
        else:
            self.stdout.write(
                f"{count} values re-encrypted. Once each process was restarted with the"
                " new key in front, leave only that key in FIELD_ENCRYPTION_KEYS."
            )
