"""Every part of the wall in the database, by its catalogue, and how to take it away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connections

from tenants import rls

_POLICIES = """
SELECT c.relname, p.polname, p.polcmd, pg_get_expr(p.polqual, p.polrelid),
    pg_get_expr(p.polwithcheck, p.polrelid),
    ARRAY(SELECT rolname FROM pg_roles WHERE oid = ANY (p.polroles))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relname = ANY (%s) ORDER BY 1, 2
"""
_REFERENCES = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE contype = 'f' AND cardinality(conkey) = 2 AND conrelid::regclass::text = ANY (%s)
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Mutation:
    """One part taken away, and how it is put back."""

    name: str
    table: str
    breaking: str
    mending: str


def mutations() -> Iterator[Mutation]:
    """Yield a mutation for each policy, check, switch, reference and right."""
    tables = sorted(rls.walled_tables(connections["owner"]))
    for table in tables:
        yield Mutation(
            "row security off",
            table,
            f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        )
        yield Mutation(
            "row security not forced",
            table,
            f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        )
        yield Mutation(
            "a right outside a scope",
            table,
            f"GRANT SELECT ON {table} TO askpro",
            f"REVOKE SELECT ON {table} FROM askpro",
        )
    with connections["owner"].cursor() as cursor:
        cursor.execute(_POLICIES, [tables])
        policies = cursor.fetchall()
        cursor.execute(_REFERENCES, [tables])
        references = cursor.fetchall()
    for policy in policies:
        yield from _of_policy(*policy)
    for table, name, definition in references:
        yield Mutation(
            f"reference {name} gone",
            table,
            f"ALTER TABLE {table} DROP CONSTRAINT {name}",
            f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}",
        )


def _of_policy(
    table: str, name: str, command: str, using: str, check: str | None, roles: list[str]
) -> Iterator[Mutation]:
    kind = "SELECT" if command == "r" else "ALL"
    to = ", ".join(roles)
    again = f"CREATE POLICY {name} ON {table} FOR {kind} TO {to} USING ({using})"
    if check is not None:
        again += f" WITH CHECK ({check})"
    yield Mutation(
        f"policy {name} gone", table, f"DROP POLICY {name} ON {table}", again
    )
    if using != "true":
        yield Mutation(
            f"policy {name} lets every row be read",
            table,
            f"ALTER POLICY {name} ON {table} USING (true)",
            f"ALTER POLICY {name} ON {table} USING ({using})",
        )
    if check not in (None, "true"):
        yield Mutation(
            f"policy {name} lets every row be written",
            table,
            f"ALTER POLICY {name} ON {table} WITH CHECK (true)",
            f"ALTER POLICY {name} ON {table} WITH CHECK ({check})",
        )
