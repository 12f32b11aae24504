"""Restore a backup where it harms nobody, and see whether it is one."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from psycopg.conninfo import make_conninfo

from askpro import drill, embedded

#: What a URL may say of a connection beside its parts.
LIBPQ = {"host", "port", "sslmode", "sslrootcert"}


class Command(BaseCommand):
    """Dump, restore into a database of its own, compare, drop it; fails on a fault."""

    help = "Dump the database, restore it beside, check rows and wall, and drop it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to restore."""
        parser.add_argument(
            "--server-variable",
            default="",
            metavar="NAME",
            help="variable with the URL of the superuser who restores"
            " (not needed with the embedded servers)",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Run the drill."""
        if "owner" not in settings.DATABASES:
            raise CommandError("Set DATABASE_OWNER_URL: the tables' owner dumps them.")
        owner, application = _url("owner"), _url("default")
        server = os.environ.get(options["server_variable"] or "-", "")
        if not server and embedded.MARK in os.environ:
            server = embedded.superuser_url(embedded.var_folder())
        if not server:
            raise CommandError(
                "Name the variable with a superuser's URL: --server-variable NAME."
            )
        try:
            report = drill.run(
                owner=owner,
                application=application,
                server=server,
                name=f"askpro_drill_{secrets.token_hex(4)}",
            )
        except drill.DrillFailed as error:
            raise CommandError(str(error)) from error
        except psycopg.errors.UndefinedTable as error:
            raise CommandError("There is nothing to back up: run migrate.") from error
        except psycopg.errors.InsufficientPrivilege as error:
            raise CommandError(
                "The login restores nothing: name a superuser's with --server-variable."
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(report)))
        else:
            self.stdout.write(
                f"{report.rows} rows of {report.tables} tables,"
                f" {report.size_bytes / 1e6:.1f} MB: dumped in {report.dump_s:.1f} s,"
                f" restored in {report.restore_s:.1f} s."
            )
        if report.faults:
            raise CommandError("No backup: " + "; ".join(report.faults))
        if not options["json"]:
            self.stdout.write("Rows, rights and wall are what they were.")


def _url(alias: str) -> str:
    """Return a database of the settings as libpq takes it."""
    told = settings.DATABASES[alias]
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    parts = {name: str(told[key]) for key, name in names.items() if told.get(key)}
    parts |= {name: str(told["OPTIONS"][name]) for name in LIBPQ & set(told["OPTIONS"])}
    return make_conninfo(dbname=told["NAME"], **parts)
