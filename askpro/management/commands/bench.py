"""What the product costs, beside the least that could do the same, in one run."""

from __future__ import annotations

import json
import os
import platform
import signal
import time
from importlib.metadata import version
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from askpro import embedded
from askpro.bench import bookings, doors, growth, inbox, tools, wall
from askpro.bench.figures import Part
from askpro.bench.stage import OWNER, Stage
from askpro.demo.processes import Processes, ProcessFailed
from tenants.management.refused import NotInProduction
from tenants.models import Company

PACKAGES = ("django", "psycopg", "granian", "celery", "redis", "orjson")
#: The inbox comes first and webhooks last: what others leave would be worked on before.
PARTS = {
    "inbox": inbox.measure,
    "tools": tools.measure,
    "bookings": bookings.measure,
    "wall": wall.measure,
    "webhooks": doors.measure,
}
#: Takes minutes and gigabytes: only where it is asked for (`make bench-big`).
BIG = {"growth": growth.measure}


class Command(NotInProduction):
    """Measure and print; fails where rows are missing, never for being slow."""

    help = "Measure ratios. It fills the database: use `make bench` or --var DIR."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how long and what."""
        parser.add_argument("--rounds", type=int, default=5)
        parser.add_argument("--quick", action="store_true", help="below 90 seconds")
        parser.add_argument("--json", action="store_true", help="print one JSON line")
        parser.add_argument("--part", choices=PARTS | BIG, action="append")
        parser.add_argument("--var", help="folder of the servers (default: var)")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Run the parts."""
        self.is_json = options["json"]
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        rounds, seconds = options["rounds"], 2.0
        if options["quick"]:
            rounds, seconds = 1, 1.0
        begun = time.monotonic()
        logs = embedded.var_folder() / "log"
        try:
            with Processes(logs, ASKPRO_MODE="demo") as processes:
                processes.run("migrate", "migrate", "--verbosity", "0")
                _refuse_other_data()
                stage = Stage(processes)
                stage.set_up()
                machine = _machine()
                self._tell(", ".join(f"{name} {it}" for name, it in machine.items()))
                parts = [
                    self._part(name, stage, rounds, seconds)
                    for name in options["part"] or PARTS
                ]
        except ProcessFailed as error:
            raise CommandError(str(error)) from error
        self._tell(f"\n{time.monotonic() - begun:.0f} s")
        self._judge(parts, machine)

    def _part(self, name: str, stage: Stage, rounds: int, seconds: float) -> Part:
        part = (PARTS | BIG)[name](stage, rounds=rounds, seconds=seconds)
        for line in part.lines():
            self._tell(line)
        return part

    def _judge(self, parts: list[Part], machine: dict[str, str]) -> None:
        checks = [check for part in parts for check in part.checks]
        for check in checks:
            mark = "✓" if check.ok else "✗"
            self._tell(f"{mark} {check.name}: {check.detail}")
        if self.is_json:
            line = {
                "machine": machine,
                "parts": [part.to_json() for part in parts],
                "checks": [
                    {"name": one.name, "ok": one.ok, "detail": one.detail}
                    for one in checks
                ],
            }
            self.stdout.write(json.dumps(line, ensure_ascii=False))
        if not all(check.ok for check in checks):
            raise CommandError("Not every check holds: see above.")

    def _tell(self, text: str) -> None:
        stream = self.stderr if self.is_json else self.stdout
        stream.write(text, style_func=str)
        stream.flush()


def _refuse_other_data() -> None:
    """Refuse to fill a database that is somebody's.

    :raises CommandError: it holds companies that are not ours.
    """
    if Company.objects.using(OWNER).exclude(slug__startswith="bench-").exists():
        raise CommandError(
            "This database holds companies: use `make bench`, or --var with a folder"
            " of its own."
        )


def _machine() -> dict[str, str]:
    with connections[OWNER].cursor() as cursor:
        cursor.execute("SHOW server_version")
        postgres = cursor.fetchone()[0]
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "Python": platform.python_version(),
        "PostgreSQL": postgres,
        **{name: version(name) for name in PACKAGES},
    }
