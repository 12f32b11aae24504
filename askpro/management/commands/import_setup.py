"""Companies, branches and all that belongs to them, from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml
from django.core.management.base import BaseCommand, CommandError, CommandParser

from askpro import setup_files
from tenants.scoping import every_company


class Command(BaseCommand):
    """Apply a set-up file; what it leaves out stays as it is."""

    help = "Create or change companies from a YAML or JSON file. May be repeated."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("file", help="path of the file")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Apply it, or say which place of it is wrong."""
        path = Path(options["file"])
        try:
            data = yaml.safe_load(path.read_text())
        except OSError as error:
            raise CommandError(f"{path} can't be read: {error.strerror}.") from error
        except yaml.YAMLError as error:
            raise CommandError(f"{path} is no YAML: {error}") from error
        try:
            with every_company():
                counts = setup_files.apply(data)
        except setup_files.BadSetup as error:
            raise CommandError(f"Nothing was changed. In {path}:\n{error}") from error
        if options["json"]:
            self.stdout.write(json.dumps(dict(counts)))
            return
        said = ", ".join(f"{count} {what}" for what, count in sorted(counts.items()))
        self.stdout.write(f"{said}. Next: manage.py preflight")
