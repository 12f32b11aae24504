"""The web server: granian over WSGI; threads are for waiting, not for working."""

from __future__ import annotations

import socket
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server import Server

from askpro.checks import LOOPBACK, permit
from askpro.checks.start import close
from tenants.accounts import sync_platform_accounts

#: A client that has not sent its headers by then is let go.
HEADERS_WITHIN_MS = 5_000
#: All headers of a request; more than a hundred of them are too many as well.
MOST_HEADER_BYTES = 64 * 1024


class Command(BaseCommand):
    """Serve every door until SIGINT or SIGTERM."""

    help = "Serve the admin, the webhook doors and the tools."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take address, port, processes and threads."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--workers", type=int, default=1)
        parser.add_argument("--threads", type=int, default=64)

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Serve."""
        permit(self)
        host, port = options["host"], options["port"]
        if settings.ASKPRO_MODE == "demo" and host not in LOOPBACK:
            raise CommandError(
                "The demo listens on this machine alone: set ASKPRO_MODE=production."
            )
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} is in use: choose another with --port."
                ) from error
        sync_platform_accounts()
        # The server forks: two processes that talk over one socket read each other's
        # rows.
        close()
        Server(
            target="askpro.wsgi:application",
            address=host,
            port=port,
            interface=Interfaces.WSGI,
            workers=options["workers"],
            blocking_threads=options["threads"],
            backlog=1024,
            websockets=False,
            # HTTP/1 alone: the proxy in front speaks to browsers what it likes.
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=HEADERS_WITHIN_MS,
                max_buffer_size=MOST_HEADER_BYTES,
            ),
            # Neither words nor addresses of requests: our own lines say what matters.
            log_enabled=False,
            log_access=False,
        ).serve()
