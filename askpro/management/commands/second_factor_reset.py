"""Take a lost second factor away: another one is set up at the next sign-in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from askpro.people import resets


class Command(BaseCommand):
    """Remove every factor of a person, recovery codes too, and end the sessions."""

    help = "Remove a person's second factor after it was lost."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose, and why."""
        parser.add_argument("name", help="user name")
        parser.add_argument("--reason", required=True, help="for the audit trail")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Remove, end, and write it down in the trail of each of their companies."""
        user = get_user_model().objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"Nobody is called {options['name']}. See /admin/auth/.")
        count = resets.take_away(user, reason=options["reason"])
        self.stdout.write(
            f"{count} removed: {user} has no second factor any more and is signed out"
            " everywhere."
        )
