"""Work on deliveries again that failed, or that belonged to nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tenants.companies import UnknownCompany, find
from tenants.scoping import every_company
from webhooks import dry_run, providers, replay

#: A dry run works on each delivery for real.
MOST_DRY = 100
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class Command(BaseCommand):
    """Have a worker process them again."""

    help = "Process failed deliveries again. Nothing that they did doubles."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which deliveries."""
        parser.add_argument("--company", default="", help="number, short name or id")
        parser.add_argument("--provider", choices=sorted(providers.every()))
        parser.add_argument("--event", default="", help="for example call_ended")
        parser.add_argument("--since", default="", help="30m, 6h, 2d or an ISO time")
        parser.add_argument("--id", action="append", default=[], help="of a delivery")
        parser.add_argument("--limit", type=int, default=0, help="the oldest only")
        parser.add_argument(
            "--state",
            choices=[str(state) for state in replay.ENDED],
            help="default: dead and unresolved; with --id: any that has ended",
        )
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="show the rows that would change, and change none",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Show, or start."""
        wish = _wish(options)
        with every_company():
            ids = list(replay.chosen(wish).values_list("id", flat=True))
            if not options["dry_run"]:
                self._say(replay.start(ids), as_json=options["json"])
                return
        runs = [dry_run.of(log_id) for log_id in ids[:MOST_DRY]]
        if options["json"]:
            told = {
                "deliveries": len(ids),
                "dry_run": True,
                "runs": [_json(run) for run in runs],
            }
            self.stdout.write(json.dumps(told))
            return
        self.stdout.write(f"{len(ids)} deliveries would be processed again.")
        for run in runs:
            self._show(run)
        if len(ids) > MOST_DRY:
            self.stdout.write(f"Only the oldest {MOST_DRY} were tried. Use --since.")

    def _say(self, count: int, *, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps({"deliveries": count, "dry_run": False}))
            return
        self.stdout.write(f"{count} deliveries will be processed again.")
        if count:
            self.stdout.write(
                f"At most {replay.PER_S} a second. Watch: /admin/webhooks/webhooklog/"
            )

    def _show(self, run: dry_run.DryRun) -> None:
        self.stdout.write(f"\n{run.log_id}")
        if run.error:
            self.stdout.write(f"  fails: {run.error}")
        elif not run.changes:
            self.stdout.write("  changes nothing")
        for change in run.changes:
            verb = "add" if change.before is None else "change"
            verb = "delete" if change.after is None else verb
            names = ", ".join(change.columns) if verb == "change" else ""
            self.stdout.write(f"  {verb:<7} {change.table} {change.id} {names}")


def _wish(options: dict[str, Any]) -> replay.Wish:
    try:
        company = find(options["company"]).pk if options["company"] else None
        ids = [UUID(one) for one in options["id"]]
    except (UnknownCompany, ValueError) as error:
        raise CommandError(str(error)) from error
    states = replay.ENDED if ids else replay.FAILED
    return replay.Wish(
        ids=ids,
        company_id=company,
        provider=options["provider"] or "",
        event=options["event"],
        since=_instant(options["since"]),
        states=[options["state"]] if options["state"] else list(states),
        limit=options["limit"],
    )


def _instant(text: str) -> datetime | None:
    """Read how long ago, or when."""
    if not text:
        return None
    if text[:-1].isdigit() and text[-1] in _UNITS:
        return timezone.now() - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError("--since is 30m, 6h, 2d or 2026-11-30T08:00") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _json(run: dry_run.DryRun) -> dict[str, Any]:
    """Names and columns only: values belong to callers."""
    return {
        "id": str(run.log_id),
        "company_id": str(run.company_id) if run.company_id else None,
        "error": run.error,
        "changes": [
            {
                "table": change.table,
                "id": change.id,
                "is_new": change.before is None,
                "is_gone": change.after is None,
                "columns": list(change.columns),
            }
            for change in run.changes
        ],
    }
