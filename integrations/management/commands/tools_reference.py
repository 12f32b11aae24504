"""Print the reference of all tools, or write it where it is checked in."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from integrations.mcp import definitions, reference
from integrations.mcp.registry import SERVERS

PATH = settings.BASE_DIR / "docs" / "tools.md"


class Command(BaseCommand):
    """Print ``docs/tools.md`` as the classes say it."""

    help = "Print the reference of all tools; --write puts it into docs/tools.md."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to."""
        parser.add_argument("--write", action="store_true", help=f"into {PATH.name}")
        parser.add_argument(
            "--json", action="store_true", help="print what MCP clients are told"
        )

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Print or write."""
        if options["json"]:
            tools = definitions.mcp_tools(SERVERS)
            self.stdout.write(json.dumps(tools, ensure_ascii=False))
            return
        if options["write"]:
            PATH.write_text(reference.markdown())
            self.stderr.write(f"Written: {PATH.name}. Commit it.")
            return
        self.stdout.write(reference.markdown(), ending="")
