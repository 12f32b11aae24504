"""Every part of the wall in the database, by its catalogue, and how to take it away.

A statement each, run in a transaction that is rolled back: nothing has to be mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrations.sql.views import VIEWS
from tenants import rls
from tenants.scoping import COMPANY_ROLE, EVERY_ROLE
from tests.mutate.facts import Facts, Table
from tests.mutate.holes import LOGIN, OWNER, READER, VIEWS_ROLE
from tests.mutate.uniqueness import KNOWN_BY

_POLICIES = """
SELECT p.polname, pg_get_expr(p.polqual, p.polrelid),
    pg_get_expr(p.polwithcheck, p.polrelid)
FROM pg_policy p WHERE p.polrelid = %s::regclass ORDER BY 1
"""
_TRIGGERS = """
SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal
ORDER BY 1
"""


@dataclass(frozen=True)
class Mutation:
    """One part less: what kind of part, which one, and how."""

    kind: str
    table: str
    part: str
    statement: str


def mutations(cursor: Any, facts: Facts) -> Iterator[Mutation]:
    """Yield a mutation for each part that the catalogue knows."""
    for table in facts.tables:
        yield from _switches(table)
        yield from _policies(cursor, table)
        yield from _rights(table)
        for one in facts.tables[table].references:
            statement = f"ALTER TABLE {table} DROP CONSTRAINT {one.name}"
            yield Mutation("a reference's company gone", table, one.column, statement)
        yield from _uniqueness(facts.tables[table])
        cursor.execute(_TRIGGERS, [table])
        for (name,) in cursor.fetchall():
            statement = f"DROP TRIGGER {name} ON {table}"
            yield Mutation("a trigger of the trail gone", table, name, statement)
    yield from _views()
    yield from _roles()


def _switches(table: str) -> Iterator[Mutation]:
    alter = f"ALTER TABLE {table}"
    yield Mutation("row security off", table, "", f"{alter} DISABLE ROW LEVEL SECURITY")
    yield Mutation(
        "row security not forced", table, "", f"{alter} NO FORCE ROW LEVEL SECURITY"
    )
    yield Mutation(
        "a table owned by the application", table, "", f"{alter} OWNER TO {LOGIN}"
    )


def _policies(cursor: Any, table: str) -> Iterator[Mutation]:
    cursor.execute(_POLICIES, [table])
    for name, using, check in cursor.fetchall():
        alter = f"ALTER POLICY {name} ON {table}"
        ways = {f"policy {name} gone": f"DROP POLICY {name} ON {table}"}
        if using != "true":
            ways[f"policy {name} lets every row be read"] = f"{alter} USING (true)"
        if check not in (None, "true"):
            ways[f"policy {name} lets every row be written"] = (
                f"{alter} WITH CHECK (true)"
            )
        ways[f"policy {name} for every role"] = f"{alter} TO PUBLIC"
        for kind, statement in ways.items():
            yield Mutation(kind, table, name, statement)


def _rights(table: str) -> Iterator[Mutation]:
    given = [
        (right, role)
        for role in (LOGIN, READER, "PUBLIC")
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
    ]
    given += [("TRUNCATE", role) for role in (COMPANY_ROLE, EVERY_ROLE)]
    if table in rls.APPEND_ONLY:
        given += [
            (right, role)
            for role in (COMPANY_ROLE, EVERY_ROLE)
            for right in ("UPDATE", "DELETE")
        ]
    for right, role in given:
        statement = f"GRANT {right} ON {table} TO {role}"
        yield Mutation(f"a right given to {role}", table, right, statement)


def _uniqueness(table: Table) -> Iterator[Mutation]:
    # A value that names a row of the company can't be another one's.
    bound = {one.column for one in table.references} | {"id"}
    for index, columns in table.unique.items():
        names = ", ".join(f'"{column}"' for column in columns if column != "company_id")
        if "company_id" in columns and not set(columns) & bound:
            yield Mutation(
                "a unique value told across companies",
                table.name,
                index,
                f"CREATE UNIQUE INDEX told_across ON {table.name} ({names})",
            )
        elif columns == [KNOWN_BY.get(table.name)]:
            yield Mutation(
                "one name given to two companies",
                table.name,
                index,
                f"ALTER TABLE {table.name} DROP CONSTRAINT {index}",
            )


def _views() -> Iterator[Mutation]:
    for name in VIEWS:
        view = f"reading.{name}"
        for kind, statement in {
            "a view without its barrier": f"ALTER VIEW {view} RESET (security_barrier)",
            "a view owned by the tables' owner": f"ALTER VIEW {view} OWNER TO {OWNER}",
            "a view shown to everybody": f"GRANT SELECT ON {view} TO PUBLIC",
        }.items():
            yield Mutation(kind, "", name, statement)
    function = "reading.company()"
    yield Mutation(
        "anybody's ticket", "", function,
        "CREATE OR REPLACE FUNCTION reading.company() RETURNS uuid LANGUAGE sql STABLE"
        " SECURITY DEFINER AS 'SELECT company_id FROM public.sql_ticket LIMIT 1'",
    )  # fmt: skip


def _roles() -> Iterator[Mutation]:
    groups = (COMPANY_ROLE, EVERY_ROLE)
    for role in (LOGIN, READER, VIEWS_ROLE, *groups):
        for power in ("SUPERUSER", "BYPASSRLS", "CREATEROLE", "CREATEDB"):
            yield Mutation("a power", "", f"{role}", f"ALTER ROLE {role} {power}")
    for role in (VIEWS_ROLE, *groups):
        yield Mutation("a power", "", role, f"ALTER ROLE {role} LOGIN")
    yield Mutation("a power", "", LOGIN, f"ALTER ROLE {LOGIN} INHERIT")
    for group in groups:
        statement = f"GRANT {group} TO {LOGIN} WITH INHERIT TRUE"
        yield Mutation("a membership", "", LOGIN, statement)
    for member, roles in {
        LOGIN: [OWNER, READER, VIEWS_ROLE],
        READER: [OWNER, LOGIN, VIEWS_ROLE, *groups],
        COMPANY_ROLE: [OWNER, EVERY_ROLE, VIEWS_ROLE],
    }.items():
        for role in roles:
            yield Mutation("a membership", "", member, f"GRANT {role} TO {member}")
    for statement in (
        "GRANT EXECUTE ON FUNCTION set_config(text, text, boolean) TO askpro_reader",
        "GRANT EXECUTE ON FUNCTION audit_expire(timestamptz, integer)"
        " TO askpro_company",
        "GRANT EXECUTE ON FUNCTION audit_expire(timestamptz, integer) TO PUBLIC",
        "GRANT USAGE ON SCHEMA public TO askpro_reader",
    ):
        role = statement.rpartition(" ")[2]
        yield Mutation("a right given to " + role, "", role, statement)
