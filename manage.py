#!/usr/bin/env python
"""Run a command of the project, with the embedded servers where none are given."""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

from askpro import actor
from askpro.embedded import EmbeddedError, prepare

#: These need no server.
OFFLINE = {
    "check",
    "collectstatic",
    "compile_catalogue",
    "compilemessages",
    "help",
    "makemessages",
    "version",
}
#: These run for others, who act themselves.
SERVERS = {"beat", "sandbox", "web", "worker"}
#: These change or read tables as their owner.
OWNERS = {
    "backup_drill",
    "bench",
    "flush",
    "inspectdb",
    "makemigrations",
    "migrate",
    "optimizemigration",
    "showmigrations",
    "sqlflush",
    "sqlmigrate",
    "sqlsequencereset",
    "squashmigrations",
    "test",
}


def main(arguments: list[str]) -> None:
    """Prepare what the command needs, then run it."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "askpro.settings")
    command = arguments[1] if len(arguments) > 1 else "help"
    asks_only = {"-h", "--help", "--version"}.intersection(arguments)
    if command not in OFFLINE and not asks_only:
        _take_var(arguments)
        try:
            prepare(owner=command in OWNERS)
        except EmbeddedError as error:
            sys.exit(str(error))
    if command not in SERVERS:
        actor.take(actor.Actor("system", f"manage.py {command}"))
    execute_from_command_line(arguments)


def _take_var(arguments: list[str]) -> None:
    """Let ``--var DIR`` choose the folder: the servers start before it is parsed."""
    for position, argument in enumerate(arguments):
        name, is_joined, value = argument.partition("=")
        if name == "--var":
            value = value if is_joined else "".join(arguments[position + 1 :][:1])
            os.environ["ASKPRO_VAR"] = os.path.abspath(value)


if __name__ == "__main__":
    main(sys.argv)
