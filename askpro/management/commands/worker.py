"""A Celery worker as a pool of threads: its tasks wait more than they work."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_init
from django.core.management.base import BaseCommand, CommandParser

from askpro.celery import app
from askpro.checks import permit
from askpro.lasting import lasting
from tenants.accounts import sync_platform_accounts


class Command(BaseCommand):
    """Work on queues until SIGINT or SIGTERM; what runs is finished first."""

    help = "Run a worker. Live bookings want a worker of their own: --queues live."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the queues and the number of threads."""
        parser.add_argument("--queues", default="live,inbox,background")
        parser.add_argument("--threads", type=int, default=32)

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Work; begin anew where the worker broke."""
        with lasting():
            permit(self)
            sync_platform_accounts()
            _work(options["queues"], options["threads"])


def _work(queues: str, threads: int) -> None:
    started: list[Any] = []

    def note(sender: Any, **_: Any) -> None:
        started.append(sender)

    worker_init.connect(note)
    app.worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={threads}",
            f"--queues={queues}",
            f"--hostname={queues.replace(',', '-')}@%h",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=WARNING",
        ]
    )
    if any(worker.exitcode for worker in started):
        raise RuntimeError("the worker broke: the log before this says why")
