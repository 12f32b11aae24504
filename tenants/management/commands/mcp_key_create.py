"""Make the key that a machine shows at our doors."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from askpro.errors import AskProError
from tenants import keys
from tenants.companies import find
from tenants.models import ApiKey, Branch, Company
from tenants.scoping import scope


class Command(BaseCommand):
    """Make a key and print it, once."""

    help = "Make a key for a machine. It is printed once, to standard output alone."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose it is and what it opens."""
        parser.add_argument("--company", required=True, help="number, short name or id")
        parser.add_argument(
            "--scopes",
            required=True,
            help=f"with commas, of: {', '.join(ApiKey.Scope.values)}",
        )
        parser.add_argument("--branch", default="", help="short name; empty: every one")
        parser.add_argument("--name", default="", help="what people call it")
        parser.add_argument("--days", type=int, help="until it expires; empty: never")
        parser.add_argument(
            "--stream",
            action="store_true",
            help="for MCP clients that take no plain JSON: answer as a stream",
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Make it; only the key goes to standard output."""
        days = options["days"]
        if days is not None and not 1 <= days <= 3650:
            raise CommandError("--days is a number from 1 to 3650.")
        scopes = [one.strip() for one in options["scopes"].split(",") if one.strip()]
        try:
            company = find(options["company"])
            row, plain = keys.make(
                company,
                options["name"] or ", ".join(scopes)[:120],
                scopes,
                branch=_branch(company, options["branch"]),
                expires_at=timezone.now() + timedelta(days=days) if days else None,
                is_streamed=options["stream"],
            )
        except AskProError as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            self.stdout.write(json.dumps({"key": plain} | as_json(row)))
            return
        self.stdout.write(plain)
        self.stderr.write(
            f"This is shown once. It opens {', '.join(row.scopes)} for {company.name}:"
            f" send it as Authorization: Bearer {row.prefix}_…"
            f"\nTo end it: manage.py mcp_key_revoke {row.prefix}"
        )


def _branch(company: Company, slug: str) -> Branch | None:
    if not slug:
        return None
    with scope(company.pk):
        branches = Branch.objects.order_by("slug")
        found = branches.filter(slug=slug).first()
        if found is None:
            known = ", ".join(branches.values_list("slug", flat=True)[:20])
            raise CommandError(
                f"{company.name} has no branch {slug!r}. Known: {known or 'none yet'}."
            )
    return found


def as_json(row: ApiKey) -> dict[str, Any]:
    """Return what may be told of a key."""
    return {
        "prefix": row.prefix,
        "name": row.name,
        "company_id": str(row.company_id),
        "branch_id": str(row.branch_id) if row.branch_id else None,
        "scopes": row.scopes,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }
