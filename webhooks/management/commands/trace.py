"""One story by any of its ids, as a timeline."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.models import Company
from tenants.scoping import every_company, scope
from webhooks import timeline, traces


class Command(BaseCommand):
    """Print what happened, step by step."""

    help = "Show everything that one correlation id joins."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take an id."""
        parser.add_argument(
            "id", help="of a story, a call, a booking, an appointment or a delivery"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Look through the companies, and print whose it is."""
        found = list(_stories(options["id"]))
        if not found:
            raise CommandError(
                f"No story has the id {options['id']}. Recent ones: calls_recent."
            )
        if options["json"]:
            self.stdout.write(json.dumps({"stories": [story for _, story in found]}))
            return
        for company, story in found:
            self._print(company, story)

    def _print(self, company: Company, story: dict[str, Any]) -> None:
        self.stdout.write(
            f"\n{story['correlation_id']}  {company.name}  {story['began_at'] or ''}"
        )
        for step in story["steps"]:
            took = (
                f"{step['duration_ms']} ms" if step["duration_ms"] is not None else ""
            )
            self.stdout.write(
                f"  {step['at_ms']:>7} ms  {step['kind']:<12} {step['name']:<36}"
                f" {step['outcome']:<12} {took}"
            )


def _stories(name: str) -> Any:
    with every_company():
        companies = list(Company.objects.order_by("number"))
    for company in companies:
        with scope(company.pk):
            for one in timeline.correlation_ids(name):
                yield company, {"company": company.slug, **traces.as_json(one)}
