"""End pauses: what waited is worked on, the oldest first."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from tenants.scoping import every_company
from webhooks import pauses
from webhooks.management.commands.webhooks_pause import BY, named, what


class Command(BaseCommand):
    """Resume."""

    help = "End a pause of deliveries; a worker takes what waited, in order."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is paused."""
        named(parser)
        parser.add_argument("--why", default="", help="for the audit trail")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """End the pauses of just this."""
        with every_company():
            mine = list(pauses.in_force().filter(**what(options)))
            count = pauses.resume(mine, by=BY, why=options["why"])
        if options["json"]:
            self.stdout.write(json.dumps({"resumed": count}))
            return
        if not count:
            self.stdout.write("Nothing of this was paused.")
            return
        self.stdout.write("Resumed; what waited is worked on, the oldest first.")
