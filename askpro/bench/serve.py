"""The web server of the product around another application."""

from __future__ import annotations

import sys

from granian.constants import Interfaces
from granian.server import Server


def main(target: str, port: str, workers: str, threads: str) -> None:
    """Serve with the options of ``manage.py web``."""
    Server(
        target=target,
        address="127.0.0.1",
        port=int(port),
        interface=Interfaces.WSGI,
        workers=int(workers),
        blocking_threads=int(threads),
        backlog=1024,
        websockets=False,
        log_enabled=False,
    ).serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
