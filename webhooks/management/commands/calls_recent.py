"""Recent calls of a company, each with everything that happened in it."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.models import Call
from tenants.companies import UnknownCompany, find
from tenants.scoping import scope
from webhooks.timeline import Step, as_json, timeline


class Command(BaseCommand):
    """Show calls, newest first."""

    help = "Show a company's recent calls with their timelines."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose, and how many."""
        parser.add_argument("--company", required=True, help="number, slug or id")
        parser.add_argument("--limit", type=int, default=10)
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Print them."""
        try:
            company = find(options["company"])
        except UnknownCompany as error:
            raise CommandError(str(error)) from error
        with scope(company.pk):
            calls = Call.objects.select_related("branch__company").order_by("-rang_at")
            found = [(call, timeline(call)) for call in calls[: options["limit"]]]
        if options["json"]:
            shown = [_json(call, steps) for call, steps in found]
            self.stdout.write(json.dumps({"calls": shown}))
            return
        if not found:
            self.stdout.write("No calls yet. Play one with sandbox_call.")
        for call, steps in found:
            self._print(call, steps)

    def _print(self, call: Call, steps: list[Step]) -> None:
        at = call.rang_at.astimezone(call.branch.zone)
        self.stdout.write(
            f"\n{at:%d.%m. %H:%M:%S}  {call.branch.name}  {call.get_status_display()}"
            f"  {call.get_outcome_display()}  {call.correlation_id}"
        )
        for step in steps:
            after_ms = int((step.at - steps[0].at).total_seconds() * 1000)
            took = f"{step.duration_ms} ms" if step.duration_ms is not None else ""
            self.stdout.write(
                f"  {after_ms:>7} ms  {step.kind:<12} {step.name:<36}"
                f" {step.outcome:<12} {took}"
            )


def _json(call: Call, steps: list[Step]) -> dict[str, Any]:
    return {
        "call_id": call.call_id,
        "correlation_id": call.correlation_id,
        "branch": call.branch.slug,
        "status": call.status,
        "outcome": call.outcome,
        "rang_at": call.rang_at.isoformat(),
        "steps": as_json(steps),
    }
