"""Which keys there are, and what they are good for."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.management.base import (
    BaseCommand,
    CommandError,
    CommandParser,
    no_translations,
)

from tenants import keys
from tenants.companies import UnknownCompany, find
from tenants.management.commands.mcp_key_create import as_json
from tenants.models import ApiKey
from tenants.scoping import every_company, scope


class Command(BaseCommand):
    """List keys by their prefixes; nobody can tell the keys themselves."""

    help = "List the keys of machines: prefix, company, scopes, state, last use."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose."""
        parser.add_argument("--company", default="", help="number, short name or id")
        parser.add_argument("--json", action="store_true")

    @no_translations
    def handle(self, *arguments: Any, **options: Any) -> None:
        """Print one line a key, newest first."""
        try:
            company = find(options["company"]) if options["company"] else None
        except UnknownCompany as error:
            raise CommandError(str(error)) from error
        with scope(company.pk) if company else every_company():
            rows = list(keys.with_state().order_by("company__name", "-created_at"))
        if options["json"]:
            self.stdout.write(json.dumps({"keys": [_json(row) for row in rows]}))
            return
        if not rows:
            self.stdout.write("No keys yet. Make one with mcp_key_create.")
        for row in rows:
            branch = f" / {row.branch.name}" if row.branch else ""
            self.stdout.write(
                f"{row.prefix}  {row.company.name}{branch}  {row.name}"
                f"  [{', '.join(row.scopes)}]  {keys.state_of(row).label}"
                f"  last used: {_shown(row.last_used_at)} {row.last_used_from or ''}"
            )


def _shown(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else "never"


def _json(row: ApiKey) -> dict[str, Any]:
    used_at = row.last_used_at
    return as_json(row) | {
        "company": row.company.slug,
        "state": keys.state_of(row).value,
        "last_used_at": used_at.isoformat() if used_at else None,
        "last_used_from": row.last_used_from,
    }
