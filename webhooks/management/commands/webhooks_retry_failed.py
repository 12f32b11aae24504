"""Work on deliveries again that failed, or that belonged to nobody."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.companies import UnknownCompany, find
from tenants.models import ProviderAccount
from tenants.scoping import every_company
from webhooks import inbox
from webhooks.models import WebhookLog

STATES = [WebhookLog.State.DEAD, WebhookLog.State.UNRESOLVED]


class Command(BaseCommand):
    """Have a worker process them again."""

    help = "Process failed deliveries again. Nothing that they did doubles."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which deliveries."""
        parser.add_argument("--company", default="", help="number, short name or id")
        parser.add_argument("--provider", choices=ProviderAccount.Provider.values)
        parser.add_argument("--state", choices=STATES, help="default: both")
        parser.add_argument("--dry-run", action="store_true", help="only count")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Count, and unless it is a dry run, start."""
        chosen: dict[str, Any] = {"state__in": [options["state"] or STATES[0]]}
        # What is past its retention can't be worked on.
        chosen["body__isnull"] = False
        if not options["state"]:
            chosen["state__in"] = STATES
        if options["provider"]:
            chosen["provider"] = options["provider"]
        if options["company"]:
            try:
                chosen["company"] = find(options["company"])
            except UnknownCompany as error:
                raise CommandError(str(error)) from error
        with every_company():
            ids = list(WebhookLog.objects.filter(**chosen).values_list("id", flat=True))
            count = len(ids) if options["dry_run"] else inbox.replay(ids)
        if options["json"]:
            said = {"deliveries": count, "dry_run": options["dry_run"]}
            self.stdout.write(json.dumps(said))
            return
        verb = "would be" if options["dry_run"] else "will be"
        self.stdout.write(f"{count} deliveries {verb} processed again.")
