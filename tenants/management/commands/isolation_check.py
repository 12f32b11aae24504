"""The break-in test: every way from one company to another, tried in this database."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants.isolation import ways


class Command(BaseCommand):
    """Try every way between two probe companies; exit status 0 only if all are shut."""

    help = "Try to get from one company's rows to another's, every way there is."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how much to print."""
        parser.add_argument("--verbose", action="store_true", help="print each attempt")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Try, keep the result, and print it."""
        run = ways.run()
        if options["json"]:
            told = {
                "tried": run.tried,
                "refused": run.refused,
                "duration_ms": run.duration_ms,
                "ways": run.ways,
            }
            self.stdout.write(json.dumps(told))
        else:
            self._print(run.ways, is_verbose=options["verbose"])
        if run.refused < run.tried:
            raise CommandError(
                f"{run.tried - run.refused} of {run.tried} ways were not refused: see"
                " above. Take the application off the network until it is mended."
            )
        if not options["json"]:
            self.stdout.write(
                f"All {run.tried} ways were refused, in {run.duration_ms / 1000:.1f} s."
            )

    def _print(self, results: list[dict[str, str]], *, is_verbose: bool) -> None:
        names = dict.fromkeys(one["way"] for one in results)
        self.stdout.write(f"{'way':<40} {'tried':>6} {'refused':>8}")
        for name in names:
            mine = [one for one in results if one["way"] == name]
            refused = sum(one["outcome"] == ways.REFUSED for one in mine)
            self.stdout.write(f"{name:<40} {len(mine):>6} {refused:>8}")
        for one in results:
            if is_verbose or one["outcome"] != ways.REFUSED:
                self.stdout.write(
                    f"  {one['outcome']:<8} {one['way']}: {one['door']} {one['detail']}"
                )
