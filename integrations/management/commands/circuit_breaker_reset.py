"""Ask a provider again at once, instead of when its pause is over."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q

from integrations import breaker
from tenants.companies import UnknownCompany, find
from tenants.models import Company, ProviderAccount
from tenants.scoping import every_company


class Command(BaseCommand):
    """Close circuits."""

    help = "Close the circuit breakers of a provider's accounts."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the provider, and whose accounts."""
        parser.add_argument("provider", choices=ProviderAccount.Provider.values)
        parser.add_argument("--company", default="", help="number, short name or id")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Reset each account's circuit and say what it was."""
        company = self._company(options["company"])
        mine = Q(company=company) if company else Q()
        with every_company():
            accounts = list(
                ProviderAccount.objects.filter(mine, provider=options["provider"])
                .select_related("company")
                .order_by("id")
            )
        if not accounts:
            raise CommandError("There is no such account: add one in the admin.")
        found = []
        for account in accounts:
            before = breaker.state(str(account.pk))
            breaker.reset(str(account.pk))
            owner = account.company.slug if account.company else "platform"
            found.append({"company": owner, "was": before})
        if options["json"]:
            self.stdout.write(json.dumps({"accounts": found}))
            return
        for one in found:
            self.stdout.write(f"{one['company']}: closed (was {one['was']})")

    def _company(self, text: str) -> Company | None:
        if not text:
            return None
        try:
            return find(text)
        except UnknownCompany as error:
            raise CommandError(str(error)) from error
