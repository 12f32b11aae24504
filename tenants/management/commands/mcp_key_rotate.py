"""Let a new key take an old one's place."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from askpro.errors import AskProError
from tenants import keys
from tenants.management.commands.mcp_key_create import as_json

LONGEST = timedelta(days=90)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    """Make the successor of a key and print it, once."""

    help = "Make a key's successor; the old one stays valid for the overlap."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which one, and how long both are valid."""
        parser.add_argument("prefix", help="as mcp_key_list shows it")
        parser.add_argument("--overlap", default="24h", help="like 30m, 24h or 7d")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Rotate; only the new key goes to standard output."""
        overlap = parsed(options["overlap"])
        try:
            old = keys.find(options["prefix"])
            row, plain = keys.rotate(old, overlap=overlap)
        except AskProError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            told = {"key": plain, "replaces": old.prefix}
            self.stdout.write(json.dumps(told | as_json(row)))
            return
        self.stdout.write(plain)
        self.stderr.write(
            f"This is shown once. Give it to the machine within {options['overlap']}:"
            f" then {old.prefix} expires. Whether it is still in use:"
            " manage.py mcp_key_list"
        )


def parsed(text: str) -> timedelta:
    """Return a length of time that is written like 30m, 24h or 7d.

    :raises CommandError: it is none, or longer than 90 days.
    """
    match = re.fullmatch(r"([0-9]{1,7})([smhd])", text)
    length = timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None
    if length is None or length > LONGEST:
        raise CommandError("--overlap is written like 30m, 24h or 7d, at most 90d.")
    return length
