"""Serve the sandbox: a Retell and a Cal.com that we own."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.sandbox import installation
from integrations.sandbox.server import SandboxServer


class Command(BaseCommand):
    """Serve both providers on one loopback port until SIGINT or SIGTERM."""

    help = "Serve a Retell and a Cal.com of our own; print where, as one JSON line."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the port."""
        parser.add_argument("--port", type=int, default=8090, help="0 takes a free one")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Print addresses and keys once ready, then serve."""
        try:
            server = SandboxServer(options["port"])
        except OSError as error:
            raise CommandError(
                f"Port {options['port']} is in use: choose another with --port."
            ) from error
        installation.remember()
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGINT, _end)
        told = installation.connection_of(server.base_url)
        self.stdout.write(json.dumps(told))
        self.stdout.flush()
        server.serve_forever()


def _end(number: int, frame: Any) -> None:
    """Leave at once: whoever is waiting hears that the line is cut."""
    os._exit(0)
