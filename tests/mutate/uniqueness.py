"""Whether a value that is unique in one company can be saved in another one too."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg

from tests.mutate.facts import OURS, THEIRS, Facts, Table

CLASH = "23505"
#: What a row is known by before its company is; so no two companies may share it.
KNOWN_BY = {
    "tenants_phonenumber": "number",
    "tenants_apikey": "digest",
    "tenants_provideraccount": "endpoint",
}
#: Unique over all companies, and why that tells nobody anything.
WITHOUT_A_COMPANY = {
    "tenants_phonenumber_number_key": "a dialled number rings in one place only",
    "tenants_company_slug_key": "operators type it; no company may write another one",
    "tenants_company_number_key": "counted by the database; only operators make one",
    "tenants_apikey_digest_key": "the digest of 256 random bits",
    "tenants_provideraccount_endpoint_key": "a random UUID",
    "bookings_appointment_key_key": "a random UUID",
    "call_once_per_account": "an account is one company's; the platform's calls have"
    " ids by Retell, which nobody can guess",
    "delivery_once": "an account is one company's; the rest is a digest of the body",
    "count_once_per_minute": "an account is one company's; written by the counters",
    "occupancy_no_overlap": "the resource is a random UUID of the own staff or branch",
}
_numbers = itertools.count(900_000)


def clashes(cursor: Any, facts: Facts, table: Table) -> Iterator[str]:
    """Yield what can't be saved twice though two companies are concerned.

    The cursor's role must pass every wall.
    """
    if table.key not in ("id", "token"):
        return  # the key is a reference to a row of the same company
    bound = {one.column for one in table.references} | {"company_id"}
    if any(set(columns) <= bound for columns in table.unique.values()):
        return  # of references alone: a copy of the row is refused in any case
    shared = _fresh(facts, table, is_shared=True)
    cursor.execute("SAVEPOINT twice")
    try:
        for party in (OURS, THEIRS):
            own = table.rows[party] | _fresh(facts, table, is_shared=False)
            _insert(cursor, table, own | shared)
    except psycopg.errors.UniqueViolation as error:
        yield f"{table.name}: {error.diag.constraint_name} tells across companies"
    finally:
        cursor.execute("ROLLBACK TO twice")


def shared_names(cursor: Any, facts: Facts, table: Table) -> Iterator[str]:
    """Yield what two companies can be known by at once."""
    column = KNOWN_BY.get(table.name)
    if column is None:
        return
    cursor.execute("SAVEPOINT twice")
    try:
        row = table.rows[THEIRS] | _fresh(facts, table, is_shared=True)
        _insert(cursor, table, row | {column: table.rows[OURS][column]})
        yield f"{table.name}: two companies are known by one {column}"
    except psycopg.errors.UniqueViolation:
        return
    finally:
        cursor.execute("ROLLBACK TO twice")


def _insert(cursor: Any, table: Table, row: dict[str, str | None]) -> None:
    row = row if table.name == "tenants_company" else row | {table.key: str(uuid4())}
    columns = ", ".join(f'"{column}"' for column in row)
    given = ", ".join(f"%s::{table.types[column]}" for column in row)
    cursor.execute(
        f"INSERT INTO {table.name} ({columns}) VALUES ({given})", list(row.values())
    )


def _fresh(facts: Facts, table: Table, *, is_shared: bool) -> dict[str, str | None]:
    """Return values that no row has, for the columns of unique indexes.

    :param is_shared: those which every company may have, else those that are unique
        over all of them.
    """
    refers = {one.column for one in table.references}
    refers |= {
        "company_id",
        "account_id",
        table.key,
        "",
        "user_id",
        "resource",
        "lanes",
        "during",
    }
    of_companies: set[str] = set()
    of_all: set[str] = set()
    for columns in table.unique.values():
        is_owned = {"company_id", "account_id"} & set(columns)
        (of_companies if is_owned else of_all).update(columns)
    wanted = of_companies if is_shared else of_all - of_companies
    values: dict[str, str | None] = {
        column: _value(table.types[column]) for column in wanted - refers
    }
    if table.name == "tenants_company":
        values |= {} if is_shared else {"id": str(uuid4())}
    if table.name == "bookings_occupancy" and not is_shared:
        values |= {"resource": str(uuid4())}
    if table.name == "tenants_membership" and is_shared:
        values |= {"user_id": str(facts.somebody)}
    return values


def _value(kind: str) -> str:
    number = next(_numbers)
    if kind == "uuid":
        return str(uuid4())
    if kind == "bytea":
        return f"\\x{uuid4().hex}{uuid4().hex}"
    if kind.startswith("timestamp"):
        return f"2029-12-01 00:00:00.{number}+00"
    if kind in ("integer", "smallint", "bigint"):
        return str(number % 30_000)
    return f"u{number}"
