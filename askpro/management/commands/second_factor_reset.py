"""Take a lost second factor away: another one is set up at the next sign-in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants import audit, resolver


class Command(BaseCommand):
    """Remove every factor of a person, recovery codes too, and end the sessions."""

    help = "Remove a person's second factor after it was lost."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose."""
        parser.add_argument("name", help="user name")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Remove, end, and write it down in the trail of each of their companies."""
        user = get_user_model().objects.filter(username=options["name"]).first()
        if user is None:
            raise CommandError(f"Nobody is called {options['name']}. See /admin/auth/.")
        count, _ = Authenticator.objects.filter(user=user).delete()
        for session in UserSession.objects.filter(user=user):
            session.end()
        companies: list[UUID | None] = [*resolver.companies_of(user.pk)]
        for company_id in companies or [None]:
            audit.record(
                audit.Action.SECOND_FACTOR,
                company_id=company_id,
                subject="auth_user",
                subject_id=str(user.pk),
                changes={"factors": [count, 0]},
            )
        self.stdout.write(
            f"{user} has no second factor any more and is signed out everywhere."
        )
