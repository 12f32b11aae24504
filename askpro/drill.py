"""A backup is worth what can be restored from it: dump, restore, and look.

Everything happens in a database of its own, which is dropped in the end. The one that
is dumped is only read, in one snapshot, so that rows can be counted exactly while
calls go on.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from askpro import embedded, embedded_files
from tenants.scoping import COMPANY_ROLE, EVERY_ROLE

TIMEOUT_S = 3600
#: The wall, as the catalogue tells it: equal before and after, or it is none.
WALL: dict[str, LiteralString] = {
    "row security": """
SELECT n.nspname, c.relname, c.relrowsecurity, c.relforcerowsecurity
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%'
    AND n.nspname <> 'information_schema'
""",
    "policies": """
SELECT schemaname, tablename, policyname, permissive, roles::text, cmd, qual, with_check
FROM pg_policies
""",
    "rights on tables and views": """
SELECT n.nspname, c.relname, r.rolname, a.privilege_type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,
    aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
""",
    "constraints": """
SELECT n.nspname, conrelid::regclass::text, conname, pg_get_constraintdef(c.oid)
FROM pg_constraint c JOIN pg_namespace n ON n.oid = c.connamespace
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
""",
    "triggers": """
SELECT tgrelid::regclass::text, tgname, tgenabled, pg_get_triggerdef(oid)
FROM pg_trigger WHERE NOT tgisinternal
""",
    "functions": """
SELECT p.oid::regprocedure::text, r.rolname, p.prosecdef, p.prosrc, p.proconfig::text
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_roles r ON r.oid = p.proowner
WHERE n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
""",
}
_WALLED: LiteralString = "c.relforcerowsecurity"


class DrillFailed(RuntimeError):
    """The backup could not be made or restored; the message says which and why."""


@dataclass
class Report:
    """What a drill found."""

    tables: int = 0
    rows: int = 0
    size_bytes: int = 0
    dump_s: float = 0.0
    restore_s: float = 0.0
    #: In words; empty: what was restored is what was dumped, and its wall stands.
    faults: list[str] = field(default_factory=list)


def run(*, owner: str, application: str, server: str, name: str) -> Report:
    """Dump the owner's database, restore it as ``name`` and compare the two.

    :param owner: the URL of the database, by the login that owns its tables.
    :param application: the same by the application's login.
    :param server: the URL of a superuser, who alone restores what several logins own.
    :raises DrillFailed: a program is missing or failed.
    """
    report = Report()
    with (
        tempfile.TemporaryDirectory(prefix="askpro-drill-") as folder,
        psycopg.connect(owner) as source,
    ):
        # Nobody else's to read; gone with the block.
        dump = Path(folder, "dump")
        source.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        source.read_only = True
        ((snapshot,),) = source.execute("SELECT pg_export_snapshot()").fetchall()
        counted = _counts(source)
        wall = {part: _rows(source, query) for part, query in WALL.items()}
        _find_blind_spots(report, application, snapshot, counted)
        begun = time.monotonic()
        # The owner's own policy lets it see all: the dump would else be refused.
        _program(
            *("pg_dump", "--format=custom", "--enable-row-security", "--no-comments"),
            *(f"--snapshot={snapshot}", f"--file={dump}"),
            url=owner,
            server_major=source.info.server_version // 10_000,
        )
        report.dump_s = time.monotonic() - begun
        report.size_bytes = dump.stat().st_size
        with _database(server, name, owner) as restored:
            begun = time.monotonic()
            _program(
                *("pg_restore", "--exit-on-error", "--single-transaction"),
                *(f"--dbname={name}", str(dump)),
                url=restored,
                server_major=source.info.server_version // 10_000,
            )
            report.restore_s = time.monotonic() - begun
            _compare(report, restored, counted, wall)
            _look_through(report, make_conninfo(application, dbname=name), counted)
    report.tables, report.rows = len(counted), sum(counted.values())
    return report


def _find_blind_spots(
    report: Report, application: str, snapshot: str, counted: dict[str, int]
) -> None:
    """Count as the application does, which sees all by another policy than the owner.

    Where a policy hides rows from the owner, its dump leaves them out in silence.
    """
    with psycopg.connect(application) as other:
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.execute(sql.SQL("SET TRANSACTION SNAPSHOT {}").format(snapshot))
        _tell(other, EVERY_ROLE, "")
        for table, count in _counts(other, only=_WALLED).items():
            if count != counted[table]:
                report.faults.append(
                    f"{table}: {count} rows, of which the dump has {counted[table]}"
                )


def _compare(
    report: Report,
    restored: str,
    counted: dict[str, int],
    wall: dict[str, set[tuple[Any, ...]]],
) -> None:
    with psycopg.connect(restored) as copy:
        found = _counts(copy)
        for table in sorted(counted.keys() | found.keys()):
            if counted.get(table) != found.get(table):
                report.faults.append(
                    f"{table}: {counted.get(table)} rows, restored {found.get(table)}"
                )
        for part, query in WALL.items():
            differing = wall[part] ^ _rows(copy, query)
            if differing:
                one = min(differing, key=str)
                report.faults.append(f"{part}: {len(differing)} differ, such as {one}")


def _look_through(report: Report, application: str, counted: dict[str, int]) -> None:
    """Read as the application does: nothing outside a scope, one company's inside."""
    table = "tenants_branch"
    count = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
    with psycopg.connect(application, autocommit=True) as copy:
        try:
            copy.execute(count)
        except psycopg.errors.InsufficientPrivilege:
            pass
        else:
            report.faults.append(f"{table}: open outside a scope")
        _tell(copy, EVERY_ROLE, "")
        ((seen,),) = copy.execute(count).fetchall()
        if seen != counted[table]:
            report.faults.append(f"{table}: {counted[table]} rows, seen {seen}")
        by_company = copy.execute(
            sql.SQL("SELECT company_id, count(*) FROM {} GROUP BY 1").format(
                sql.Identifier(table)
            )
        ).fetchall()
        for company_id, own in by_company:
            _tell(copy, COMPANY_ROLE, str(company_id))
            ((seen,),) = copy.execute(count).fetchall()
            if seen != own:
                report.faults.append(f"{table}: a company has {own} and sees {seen}")


def _tell(connection: psycopg.Connection, role: str, company_id: str) -> None:
    connection.execute("SELECT set_config('role', 'none', false)")
    connection.execute(
        "SELECT set_config('askpro.company', %s, false), set_config('role', %s, false)",
        [company_id, role],
    )


def _counts(
    connection: psycopg.Connection, *, only: LiteralString = "true"
) -> dict[str, int]:
    tables = connection.execute(
        sql.SQL(
            "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p')"
            " AND c.relnamespace = 'public'::regnamespace AND {}"
        ).format(sql.SQL(only))
    ).fetchall()
    return {
        table: connection.execute(
            sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))
        ).fetchall()[0][0]
        for (table,) in tables
    }


def _rows(connection: psycopg.Connection, query: LiteralString) -> set[tuple[Any, ...]]:
    return set(connection.execute(query).fetchall())


@contextmanager
def _database(server: str, name: str, owner: str) -> Iterator[str]:
    """Make a database of the owner's, and drop it whatever happens."""
    login = psycopg.conninfo.conninfo_to_dict(owner).get("user")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                sql.Identifier(name), sql.Identifier(str(login))
            )
        )
        try:
            yield make_conninfo(server, dbname=name)
        finally:
            admin.execute(
                sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name))
            )


def _program(name: str, *arguments: str, url: str, server_major: int) -> None:
    """Run a program of PostgreSQL's; the password never stands on a command line.

    :raises DrillFailed: it is missing or failed.
    """
    parts = psycopg.conninfo.conninfo_to_dict(url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER"}
    names |= {"password": "PGPASSWORD", "dbname": "PGDATABASE"}
    told = {names[key]: str(value) for key, value in parts.items() if key in names}
    done = subprocess.run(  # noqa: S603 (PostgreSQL's own program)
        [_path(name, server_major), *arguments],
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"} | told,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        # Its words quote rows where a row is at fault; the first line names the kind.
        raise DrillFailed(f"{name} failed: {done.stderr.strip().splitlines()[:1]}")


def _path(name: str, server_major: int) -> str:
    """Return a program of PostgreSQL's that the server is not too new for.

    :raises DrillFailed: neither the path nor the wheel has one.
    """
    found = [shutil.which(name)]
    with suppress(embedded.EmbeddedError):
        home = embedded_files.home(embedded.var_folder())
        programs = embedded_files.programs(home, embedded_files.account())
        found.append(str(programs / name))
    for path in filter(None, found):
        said = subprocess.run(  # noqa: S603 (PostgreSQL's own program)
            [path, "--version"], capture_output=True, text=True, check=False
        ).stdout
        version = re.search(r"(\d+)", said)
        if version and int(version[1]) >= server_major:
            return path
    raise DrillFailed(f"{name} of PostgreSQL {server_major} or newer is missing.")
