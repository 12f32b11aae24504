"""A list of one company among a thousand, with a million rows, is as quick as alone.

No time is asserted: the queries are counted, and their plans must begin with the
company. What was measured beside is in ``docs/performance.md`` (run it with ``-s``).
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tenants.scoping import scope
from tests import factories as make
from tests.askpro.admin_wall.people import signed_in
from tests.askpro.test_admin import everything
from tests.mutate.stage import superuser_url

pytestmark = [pytest.mark.django_db, pytest.mark.proof]

COMPANIES = 1_000
#: Rows of each company in each of these tables; a million in all.
EACH = 170
#: What differs from row to row; ``n`` counts all of them, ``c`` and ``b`` are ids.
_MOMENT = "now() - n % 200000 * interval '1 minute'"
TABLES = {
    "bookings_customer": "'name', 'Kunde ' || n, 'phone', '+49151' || n,"
    f" 'created_at', {_MOMENT}",
    "bookings_call": "'branch_id', b, 'account_id', null, 'customer_id', null,"
    f" 'call_id', 'call_' || n, 'correlation_id', 'call_' || n, 'rang_at', {_MOMENT},"
    f" 'started_at', {_MOMENT}",
    "bookings_appointment": "'branch_id', b, 'service_id', s, 'customer_id', k,"
    " 'call_id', null, 'key', gen_random_uuid(), 'wish_name', 'w' || n,"
    f" 'starts_at', {_MOMENT}, 'ends_at', {_MOMENT} + interval '30 minutes'",
    "webhooks_webhooklog": "'external_key', sha256(n::text::bytea),"
    f" 'correlation_id', 'call_' || n, 'received_at', {_MOMENT}",
    "tenants_auditentry": f"'at', {_MOMENT}",
    "integrations_toolcall": "'account_id', null, 'call_row_id', null,"
    f" 'correlation_id', 'call_' || n, 'at', {_MOMENT}",
}
#: The real lists of the admin, over these tables.
PAGES = (
    *("bookings_customer", "bookings_call", "bookings_appointment"),
    *("webhooks_webhooklog", "tenants_auditentry", "integrations_toolcall"),
)


@pytest.fixture
def owner():
    """The browser of an owner whose company has rows of every kind."""
    company = make.make_company("salon")
    everything(company)
    client = signed_in(make.make_member(company=company))
    client.company = company
    return client


def _grow(superuser, *, first: int, last: int) -> None:
    """Make companies of these numbers, each with a branch, a service and rows."""
    superuser.execute("SET session_replication_role = replica")
    superuser.execute(
        "INSERT INTO tenants_company SELECT r.* FROM"
        " generate_series(%s::int, %s::int) i,"
        " (SELECT to_jsonb(t) j FROM tenants_company t WHERE slug = 'salon') t,"
        " LATERAL jsonb_populate_record(NULL::tenants_company, j || jsonb_build_object("
        " 'id', gen_random_uuid(), 'slug', 'salon-' || i, 'number', 1000 + i)) r",
        [first, last],
    )
    for table, branch in (
        ("tenants_branch", ""),
        (
            "tenants_service",
            ", 'branch_id', (SELECT id FROM tenants_branch WHERE company_id = c.id)",
        ),
    ):
        superuser.execute(
            f"INSERT INTO {table} SELECT r.* FROM tenants_company c,"
            f" (SELECT to_jsonb(t) j FROM {table} t LIMIT 1) t,"
            f" LATERAL jsonb_populate_record(NULL::{table}, j || jsonb_build_object("
            f" 'id', gen_random_uuid(), 'company_id', c.id{branch})) r"
            f" WHERE c.id NOT IN (SELECT company_id FROM {table})"
        )
    for table, values in TABLES.items():
        _fill(superuser, table, values)
    superuser.execute("ANALYZE")


def _fill(superuser, table: str, values: str) -> None:
    superuser.execute(
        f"CREATE TEMP TABLE pattern AS SELECT to_jsonb(t) j FROM {table} t"
        " WHERE company_id IS NOT NULL ORDER BY id LIMIT 1"
    )
    superuser.execute(
        f"INSERT INTO {table} SELECT r.* FROM ("
        f"SELECT c.id c, b.id b, s.id s, k.id k, (SELECT count(*) FROM {table})"
        " + row_number() OVER () n FROM tenants_company c"
        " JOIN tenants_branch b ON b.company_id = c.id"
        " JOIN LATERAL (SELECT id FROM tenants_service"
        "  WHERE company_id = c.id LIMIT 1) s ON true"
        " LEFT JOIN LATERAL (SELECT id FROM bookings_customer"
        "  WHERE company_id = c.id LIMIT 1) k ON true"
        f" CROSS JOIN generate_series(1, {EACH}) i WHERE c.id NOT IN"
        f" (SELECT company_id FROM {table} WHERE company_id IS NOT NULL"
        f" GROUP BY 1 HAVING count(*) >= {EACH})) one, pattern, LATERAL"
        f" jsonb_populate_record(NULL::{table}, j || jsonb_build_object('id',"
        f" gen_random_uuid(), 'company_id', c, {values})) r"
    )
    superuser.execute("DROP TABLE pattern")


def _list(table: str) -> str:
    return reverse(f"admin:{table}_changelist")


def _asked(client, table: str) -> list[str]:
    """Return the queries of a list that was opened before."""
    client.get(_list(table))
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(_list(table))
    assert answer.status_code == 200
    return [one["sql"] for one in captured if one["sql"].startswith("SELECT")]


def _ms(client, table: str) -> float:
    taken = []
    for _ in range(15):
        begun = time.perf_counter()
        client.get(_list(table))
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


def _scans(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "Relation Name" in plan or "Index Name" in plan:
        yield plan
    for part in plan.get("Plans", []):
        yield from _scans(part)


def _first_columns() -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.indexrelid::regclass::text, a.attname FROM pg_index i"
            " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]"
        )
        return dict(cursor.fetchall())


def _not_by_company(client, table: str, sql: str) -> list[str]:
    """Return the scans of the table that look at other companies' rows as well."""
    with scope(client.company.pk), connection.cursor() as cursor:
        cursor.execute("EXPLAIN (FORMAT JSON) " + sql.replace("%", "%%"))
        told = cursor.fetchone()[0]
        first = _first_columns()
    plan = (json.loads(told) if isinstance(told, str) else told)[0]["Plan"]
    found = []
    for scan in _scans(plan):
        name = scan.get("Index Name", "")
        is_table = scan.get("Relation Name") == table or name.startswith(table)
        # A row's own id and its branch are one company's.
        is_by_key = first.get(name) in ("id", "branch_id") and "Index Cond" in scan
        if not is_table or scan["Node Type"] == "Bitmap Heap Scan":
            continue
        if first.get(name) != "company_id" and not is_by_key:
            found.append(f"{scan['Node Type']} {name}: {sql[:300]}")
    return found


def test_a_list_is_as_quick_among_a_thousand_companies_as_alone(owner):
    with psycopg.connect(superuser_url(), autocommit=True) as superuser:
        _grow(superuser, first=1, last=0)
        alone = {page: (_asked(owner, page), _ms(owner, page)) for page in PAGES}
        _grow(superuser, first=2, last=COMPANIES)
        rows = sum(
            superuser.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in TABLES
        )
    odd = []
    for page, (queries, ms) in alone.items():
        among, among_ms = _asked(owner, page), _ms(owner, page)
        sys.stdout.write(f"{page} {ms:.1f} {among_ms:.1f} {among_ms / ms:.2f}\n")
        assert len(among) == len(queries), page
        for sql in among:
            odd += _not_by_company(owner, page, sql)

    assert rows >= 1_000_000
    assert not odd, "\n".join(odd)
