"""Which branch answers a number."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants import resolver
from tenants.models import Branch
from tenants.numbers import e164
from tenants.scoping import scope


class Command(BaseCommand):
    """Resolve a dialled number exactly as a call would."""

    help = "Show which company and branch a dialled number belongs to."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the number, in any spelling."""
        parser.add_argument("number")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Resolve, or say what to do."""
        number = e164(options["number"])
        if number is None:
            raise CommandError(
                f"{options['number']!r} is no telephone number: write +493012345678."
            )
        owner = resolver.owner_of_number(number)
        if owner is None:
            raise CommandError(
                f"{number} belongs to no active branch: add it in the admin or with"
                " import_setup, then process unresolved deliveries again."
            )
        with scope(owner.company_id):
            branch = Branch.objects.select_related("company").get(pk=owner.branch_id)
        found = {
            "number": number,
            "company": branch.company.slug,
            "company_id": str(owner.company_id),
            "branch": branch.slug,
            "branch_id": str(owner.branch_id),
        }
        if options["json"]:
            self.stdout.write(json.dumps(found))
        else:
            self.stdout.write(f"{number}: {branch.company.name} / {branch.name}")
