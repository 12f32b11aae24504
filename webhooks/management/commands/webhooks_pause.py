"""Let deliveries wait: of a provider, of one account, or of a company."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.companies import UnknownCompany, find
from tenants.models import ProviderAccount
from tenants.scoping import every_company
from webhooks import pauses, providers
from webhooks.models import WebhookPause

BY = "manage.py"


class Command(BaseCommand):
    """Pause; what comes is kept and worked on, in order, once it is resumed."""

    help = "Keep deliveries and work on none of them until webhooks_resume."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what waits, and why."""
        named(parser)
        parser.add_argument("--why", required=True, help="for those who find it paused")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Pause, unless it is paused already."""
        wanted = what(options)
        with every_company():
            existing = pauses.in_force().filter(**wanted).first()
            pause = existing or self._made(wanted, options["why"])
            told = {"id": str(pause.pk), "what": str(pause), "is_new": not existing}
        if options["json"]:
            self.stdout.write(json.dumps(told))
            return
        state = "is paused" if not existing else "was paused before"
        self.stdout.write(f"{told['what']} {state}. End it: webhooks_resume")

    def _made(self, wanted: dict[str, Any], why: str) -> WebhookPause:
        pause = WebhookPause(**wanted, why=why, paused_by=BY)
        try:
            pause.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        pause.save(force_insert=True)
        return pause


def named(parser: CommandParser) -> None:
    """Let a command take what is paused: exactly one of three."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--provider", choices=sorted(providers.every()), default="")
    what.add_argument("--account", default="", help="id of a provider account")
    what.add_argument("--company", default="", help="number, short name or id")


def what(options: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a pause.

    :raises CommandError: there is no such account or company.
    """
    if options["company"]:
        try:
            company = find(options["company"])
        except UnknownCompany as error:
            raise CommandError(str(error)) from error
        return {"company_id": company.pk, "account_id": None, "provider": ""}
    if options["account"]:
        return _of_account(options["account"])
    return {"provider": options["provider"], "account_id": None, "company_id": None}


def _of_account(text: str) -> dict[str, Any]:
    try:
        wanted = UUID(text)
    except ValueError as error:
        raise CommandError("--account is the id of an account, a UUID.") from error
    with every_company():
        account = ProviderAccount.objects.filter(pk=wanted).first()
    if account is None:
        raise CommandError(f"No account has the id {text}.")
    return {"account_id": wanted, "company_id": account.company_id, "provider": ""}
