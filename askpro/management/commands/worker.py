"""A Celery worker as a pool of threads: its tasks wait more than they work."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from askpro.celery import app
from askpro.checks import permit
from tenants.accounts import sync_platform_accounts


class Command(BaseCommand):
    """Work on queues until SIGINT or SIGTERM; what runs is finished first."""

    help = "Run a worker. Live bookings want a worker of their own: --queues live."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the queues and the number of threads."""
        parser.add_argument("--queues", default="live,inbox,background")
        parser.add_argument("--threads", type=int, default=32)

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Work."""
        permit(self)
        sync_platform_accounts()
        name = options["queues"].replace(",", "-")
        app.worker_main(
            [
                "worker",
                "--pool=threads",
                f"--concurrency={options['threads']}",
                f"--queues={options['queues']}",
                f"--hostname={name}@%h",
                "--without-gossip",
                "--without-mingle",
                "--loglevel=WARNING",
            ]
        )
