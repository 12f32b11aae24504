"""What each branch still lacks before it may take calls."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)

from tenants import readiness
from tenants.companies import UnknownCompany, find
from tenants.models import Branch
from tenants.scoping import every_company, scope


class Command(BaseCommand):
    """List every gap; fail while there is one."""

    help = "List what branches lack. Exit status 0 only if each one is ready."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which branches, and whether to ask the providers."""
        parser.add_argument("--company", default="", help="number, short name or id")
        parser.add_argument("--branch", default="", help="short name")
        parser.add_argument("--live", action="store_true", help="ask the providers too")
        parser.add_argument("--json", action="store_true")

    @no_translations
    def handle(self, *arguments: Any, **options: Any) -> None:
        """Look at each branch in its company's scope."""
        branches = self._branches(options["company"], options["branch"])
        if not branches:
            raise CommandError("There is no such branch. Load one with import_setup.")
        found = []
        for branch in branches:
            with scope(branch.company_id):
                gaps = readiness.gaps(branch, live=options["live"])
            found.append((branch, gaps))
        if options["json"]:
            self.stdout.write(json.dumps({"branches": [_json(*one) for one in found]}))
        else:
            for branch, gaps in found:
                self._print(branch, gaps)
        missing = sum(len(gaps) for _, gaps in found)
        if missing:
            ready = sum(not gaps for _, gaps in found)
            raise CommandError(
                f"{ready} of {len(found)} branches are ready, {missing} gaps. Fill them"
                " in the admin or with import_setup, then run preflight again."
            )

    def _branches(self, company: str, slug: str) -> list[Branch]:
        with every_company():
            branches = Branch.objects.filter(is_active=True).select_related("company")
            if company:
                try:
                    branches = branches.filter(company=find(company))
                except UnknownCompany as error:
                    raise CommandError(str(error)) from error
            if slug:
                branches = branches.filter(slug=slug)
            return list(branches.order_by("company__name", "name"))

    def _print(self, branch: Branch, gaps: list[readiness.Gap]) -> None:
        verdict = "ready" if not gaps else f"{len(gaps)} missing"
        self.stdout.write(f"{branch.company.name} / {branch.name}: {verdict}")
        for gap in gaps:
            self.stdout.write(f"  - {gap.problem}: {gap.remedy}")


def _json(branch: Branch, gaps: list[readiness.Gap]) -> dict[str, Any]:
    return {
        "id": str(branch.pk),
        "company": branch.company.slug,
        "branch": branch.slug,
        "ready": not gaps,
        "gaps": [
            {key: str(value) for key, value in asdict(gap).items()} for gap in gaps
        ],
    }
