"""Bring the German catalogue up to the code, and compile it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from askpro import catalogue


class Command(BaseCommand):
    """Add what the code says, drop nothing that is translated, compile the rest."""

    help = "Compile askpro/locale/de; exit status 0 only if nothing is missing."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether the file for people is written too."""
        parser.add_argument(
            "--update", action="store_true", help="add missing texts to django.po"
        )

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Write the files, then name what has no German."""
        entries = catalogue.read_po(catalogue.PO.read_text())
        missing = catalogue.of_ours() - set(entries)
        if options["update"]:
            for message in missing:
                entries[message] = catalogue.Entry(message, [])
            catalogue.PO.write_text(catalogue.write_po(entries.values()))
        catalogue.MO.write_bytes(catalogue.compile_mo(entries.values()))
        missing |= {key for key, one in entries.items() if not one.is_complete}
        if missing:
            texts = "\n".join(f"  {message.text}" for message in sorted(missing))
            raise CommandError(f"No German in {catalogue.PO} for:\n{texts}")
        self.stdout.write(f"{len(entries)} texts compiled.")
