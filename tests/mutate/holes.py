"""Holes in the wall, found by trying: each table, each verb, in each role.

Everything happens in a transaction of a superuser, who plays the application, the
reader and the owner by turns, and is rolled back. So the same tries serve the database
as it is and any change of it that is not committed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

import psycopg

from integrations.sql.views import VIEWS
from tenants.scoping import COMPANY_ROLE, EVERY_ROLE, WITH_PROBES
from tests.mutate.facts import NOBODY, OTHER_PROBE, OURS, PROBE, THEIRS, Facts, Table

LOGIN, READER, OWNER, VIEWS_ROLE = (
    "askpro",
    "askpro_reader",
    "askpro_owner",
    "askpro_views",
)
DENIED, DANGLING = "42501", "23503"
PROBES = PROBE, OTHER_PROBE
_MEMBERS = """
SELECT r.rolname::text || ' of ' || m.rolname::text FROM pg_auth_members a
JOIN pg_roles r ON r.oid = a.member JOIN pg_roles m ON m.oid = a.roleid
WHERE r.rolname = ANY (%s) AND (a.inherit_option OR m.rolname <> ALL (%s))
"""
_POWERS = """
SELECT rolname::text FROM pg_roles WHERE rolname = ANY (%s)
    AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
        OR (rolcanlogin AND rolname <> ALL (%s)) OR (rolinherit AND rolname = 'askpro'))
"""
_SHAPE = """
SELECT c.relowner::regrole::text, c.reloptions @> ARRAY['security_barrier=true'],
    ARRAY(SELECT DISTINCT grantee::regrole::text FROM aclexplode(c.relacl)
        WHERE grantee <> c.relowner ORDER BY 1)
FROM pg_class c WHERE c.oid = %s::regclass
"""


class Prober:
    """Tries everything on one cursor; what should have been refused is a hole."""

    def __init__(self, cursor: Any, facts: Facts) -> None:
        self.cursor = cursor
        self.facts = facts

    # --- playing somebody -----------------------------------------------------

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Undo what the block did, also who it played."""
        self.cursor.execute("SAVEPOINT trial")
        try:
            yield
        finally:
            self.cursor.execute("ROLLBACK TO trial")
            self.cursor.execute("RELEASE trial")

    @contextmanager
    def acting(
        self, login: str, role: str = "", company: UUID | str | None = ""
    ) -> Iterator[None]:
        """Play a login that took a role, and was told a company."""
        with self.undone():
            self.cursor.execute(f"SET LOCAL askpro.company = '{company or ''}'")
            self.cursor.execute(f"SET LOCAL SESSION AUTHORIZATION {login}")
            if role:
                self.cursor.execute(f"SET LOCAL ROLE {role}")
            yield

    def tried(
        self, statement: str, values: list[Any] | None = None, *, by: str = ""
    ) -> int | str:
        """Return how many rows a statement touches, or how it is refused.

        :param by: the table that must refuse: a trigger's refusal, which writes into
            another one, is a second net and no proof of the first.
        """
        with self.undone():
            try:
                self.cursor.execute(statement, values)
            except psycopg.Error as error:
                return (error.sqlstate or "lost") if by in str(error) else "elsewhere"
            return int(self.cursor.rowcount)

    def counted(self, statement: str, values: list[Any] | None = None) -> int | str:
        """Return the number that a SELECT tells, or how it is refused."""
        with self.undone():
            try:
                self.cursor.execute(statement, values)
                return int(self.cursor.fetchone()[0])
            except psycopg.Error as error:
                return error.sqlstate or "lost"

    # --- tables ---------------------------------------------------------------

    def of_table(self, table: Table) -> Iterator[str]:
        """Yield the holes of one table."""
        yield from self._outside(table)
        with self.acting(LOGIN, COMPANY_ROLE, self.facts.parties[OURS]):
            yield from self._as_a_company(table)
        with self.acting(LOGIN, COMPANY_ROLE, uuid4()):
            if self._seen(table) != (table.counts[NOBODY] if table.is_shared else 0):
                yield "an unknown company sees rows"
        yield from self._as_everybody(table)
        with self.acting(OWNER):
            if self._seen(table) != sum(table.counts.values()):
                yield "the owner's migrations miss rows"

    def _outside(self, table: Table) -> Iterator[str]:
        verbs = _verbs(table)
        with self.acting(LOGIN):
            for verb, statement in verbs.items():
                if self.tried(statement) != DENIED:
                    yield f"the login may {verb} outside a scope"
        # These two have no use for the schema either: a right would not be noticed.
        for role in (READER, VIEWS_ROLE):
            for verb in verbs:
                is_wished = (role, verb) == (VIEWS_ROLE, "select")
                if is_wished and _is_read_by_sql(table):
                    continue
                self.cursor.execute(
                    "SELECT has_table_privilege(%s, %s, %s)", [role, table.name, verb]
                )
                if self.cursor.fetchone() != (False,):
                    yield f"{role} may {verb}"

    def _seen(self, table: Table) -> int | str:
        return self.counted(f"SELECT count(*) FROM {table.name}")

    def _seen_of(self, table: Table, party: str) -> int | str:
        return self.counted(
            f"SELECT count(*) FROM {table.name}"
            f' WHERE "{table.company}" IS NOT DISTINCT FROM %s',
            [self.facts.parties[party]],
        )

    def _as_a_company(self, table: Table) -> Iterator[str]:
        if self._seen_of(table, OURS) != table.counts[OURS]:
            yield "a company misses its own rows"
        for party in (THEIRS, PROBE, OTHER_PROBE, NOBODY):
            is_shared = table.is_shared and party == NOBODY
            if self._seen_of(table, party) != (table.counts[party] if is_shared else 0):
                yield f"a company sees rows of {party}"
        for party in (THEIRS, NOBODY):
            row = table.rows.get(party)
            if row is None:
                continue
            key = [row[table.key]]
            where = f'WHERE "{table.key}"::text = %s'
            same = f'"{table.key}" = "{table.key}"'
            for verb, statement in {
                "changes": f"UPDATE {table.name} SET {same} {where}",
                "deletes": f"DELETE FROM {table.name} {where}",
            }.items():
                if self.tried(statement, key) not in (0, DENIED):
                    yield f"a company {verb} a row of {party}"
            if self._planted(table, row) != DENIED:
                yield f"a company plants a row of {party}"
            if self._moved(table, row[table.company]) != DENIED:
                yield f"a company gives a row to {party}"
        yield from self._references(table)
        yield from self._unchangeable(table, "a company")

    def _as_everybody(self, table: Table) -> Iterator[str]:
        with self.acting(LOGIN, EVERY_ROLE):
            for party, count in table.counts.items():
                if self._seen_of(table, party) != (0 if party in PROBES else count):
                    yield f"every_company sees another number of rows of {party}"
            if self._planted(table, table.rows[PROBE]) != DENIED:
                yield "every_company plants a row of a probe"
            yield from self._unchangeable(table, "every_company")
        with self.acting(LOGIN, EVERY_ROLE, WITH_PROBES):
            if self._seen(table) != sum(table.counts.values()):
                yield "every_company with probes misses rows"

    def _unchangeable(self, table: Table, who: str) -> Iterator[str]:
        verbs = _verbs(table)
        denied = ["truncate"] + (["update", "delete"] if table.is_append_only else [])
        for verb in denied:
            if self.tried(verbs[verb]) != DENIED:
                yield f"{who} may {verb}"

    def _planted(self, table: Table, row: dict[str, str | None]) -> int | str:
        values = dict(row)
        if table.key in ("id", "token") and table.key != table.company:
            values[table.key] = str(uuid4())
        columns = ", ".join(f'"{column}"' for column in values)
        given = ", ".join(f"%s::{table.types[column]}" for column in values)
        return self.tried(
            f"INSERT INTO {table.name} ({columns}) VALUES ({given})",
            list(values.values()),
            by=table.name,
        )

    def _moved(self, table: Table, company: str | None) -> int | str:
        return self.tried(
            f'UPDATE {table.name} SET "{table.company}" = %s::uuid'
            f' WHERE "{table.key}"::text = %s',
            [company, table.rows[OURS][table.key]],
            by=table.name,
        )

    def _references(self, table: Table) -> Iterator[str]:
        for one in table.references:
            target = self.facts.tables[one.target].rows[THEIRS]["id"]
            if self._referred(table, one.column, target) != DANGLING:
                yield f"{one.column} refers to a row of {THEIRS}"

    def _referred(self, table: Table, column: str, target: str | None) -> int | str:
        own = table.rows[OURS]
        with self.undone():
            if table.is_append_only:
                found = self._inserted(table, own | {column: target})
            else:
                found = self._pointed(table, column, target, own[table.key])
        return found

    def _pointed(self, table: Table, column: str, target: Any, key: Any) -> int | str:
        return self._and_checked(
            f'UPDATE {table.name} SET "{column}" = %s WHERE "{table.key}"::text = %s',
            [target, key],
        )

    def _inserted(self, table: Table, values: dict[str, str | None]) -> int | str:
        values |= {table.key: str(uuid4())}
        columns = ", ".join(f'"{name}"' for name in values)
        given = ", ".join(f"%s::{table.types[name]}" for name in values)
        return self._and_checked(
            f"INSERT INTO {table.name} ({columns}) VALUES ({given})",
            list(values.values()),
        )

    def _and_checked(self, statement: str, values: list[Any]) -> int | str:
        """As at the end of the transaction, where foreign keys are looked at."""
        with self.undone():
            try:
                self.cursor.execute(statement, values)
                self.cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            except psycopg.Error as error:
                return error.sqlstate or "lost"
            return 1

    # --- what belongs to no table ---------------------------------------------

    def of_roles(self) -> Iterator[str]:
        """Yield what a role may that it must not."""
        roles = [LOGIN, READER, COMPANY_ROLE, EVERY_ROLE, VIEWS_ROLE]
        self.cursor.execute(_POWERS, [roles, [LOGIN, READER]])
        for (role,) in self.cursor.fetchall():
            yield f"{role} has a power that passes the wall"
        self.cursor.execute(_MEMBERS, [roles, [COMPANY_ROLE, EVERY_ROLE]])
        for (pair,) in self.cursor.fetchall():
            yield f"{pair}: a membership that was never wished"
        for login, refused in {
            LOGIN: [OWNER, READER, VIEWS_ROLE],
            READER: [OWNER, LOGIN, COMPANY_ROLE, EVERY_ROLE, VIEWS_ROLE],
        }.items():
            with self.acting(login):
                for role in refused:
                    if self.tried(f"SET LOCAL ROLE {role}") != DENIED:
                        yield f"{login} may become {role}"
        self.cursor.execute(
            "SELECT has_schema_privilege(%s, 'public', 'USAGE')", [READER]
        )
        if self.cursor.fetchone() != (False,):
            yield "the reader may look up tables"
        with self.acting(READER):
            if self.tried("SELECT set_config('askpro.company', '', true)") != DENIED:
                yield "the reader may run set_config"
        with self.acting(LOGIN, COMPANY_ROLE, self.facts.parties[OURS]):
            if (
                self.tried("SELECT audit_expire(now() - interval '1 year', 1)")
                != DENIED
            ):
                yield "a company may shorten the trail"

    def of_views(self) -> Iterator[str]:
        """Yield views that show more than the ticket's company, or anything without."""
        for view in VIEWS.values():
            # Which functions leak past a view without a barrier, the parser decides.
            self.cursor.execute(_SHAPE, [f"reading.{view.name}"])
            if self.cursor.fetchone() != (VIEWS_ROLE, True, [READER]):
                yield f"{view.name}: another owner, reader, or no barrier"
            if not any(column.name == "id" for column in view.columns):
                continue
            name, main = f"reading.{view.name}", view.tables[0]
            with self.acting(READER):
                told = self.counted(f"SELECT count(*) FROM {name}")
                if told != DENIED:
                    yield f"{view.name}: without a ticket: {told}"
            with self.with_a_ticket(OURS):
                statement = f"SELECT id::text FROM {name}"
                seen = self.listed(statement)
            table = self.facts.tables[main]
            if table.rows[OURS]["id"] not in seen:
                yield f"{view.name}: a company misses its own rows"
            if seen & {table.rows[one]["id"] for one in (THEIRS, *PROBES)}:
                yield f"{view.name}: foreign rows"

    @contextmanager
    def with_a_ticket(self, party: str) -> Iterator[None]:
        """Play the reader whose connection has a company's ticket."""
        with self.undone():
            token = str(uuid4())
            self.cursor.execute(
                "INSERT INTO sql_ticket (token, pid, company_id, at)"
                " VALUES (%s, pg_backend_pid(), %s, now())",
                [token, self.facts.parties[party]],
            )
            self.cursor.execute(f"SET LOCAL askpro.ticket = '{token}'")
            with self.acting(READER):
                yield

    def listed(self, statement: str) -> set[str]:
        """Return the texts that a SELECT shows; nothing where it is refused."""
        with self.undone():
            try:
                self.cursor.execute(statement)
                return {text for (text,) in self.cursor.fetchall()}
            except psycopg.Error:
                return set()


def _verbs(table: Table) -> dict[str, str]:
    name, key = table.name, table.key
    return {
        "select": f"SELECT 1 FROM {name} LIMIT 1",
        "insert": f"INSERT INTO {name} DEFAULT VALUES",
        "update": f'UPDATE {name} SET "{key}" = "{key}" WHERE false',
        "delete": f"DELETE FROM {name} WHERE false",
        "truncate": f"TRUNCATE {name}",
    }


def _is_read_by_sql(table: Table) -> bool:
    return any(table.name in view.tables for view in VIEWS.values())


def holes(cursor: Any, facts: Facts, table: str = "") -> list[str]:
    """Return the holes of a table, or of the whole database."""
    prober = Prober(cursor, facts)
    tables = [facts.tables[table]] if table else list(facts.tables.values())
    found = [f"{one.name}: {hole}" for one in tables for hole in prober.of_table(one)]
    return [*found, *prober.of_roles(), *prober.of_views()]
