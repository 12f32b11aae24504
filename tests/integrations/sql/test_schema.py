"""The views in the database: what they are made of, and that they never lag."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections, transaction

from askpro.embedded import BASE_DIR
from integrations.sql import allowed, schema, views
from integrations.sql.reader import reader
from integrations.sql.reading import query
from integrations.sql.views import SCHEMA, VIEWS
from tenants.scoping import scope
from tests.integrations.sql.stage import furnish

pytestmark = pytest.mark.django_db
DOCUMENT = BASE_DIR / "docs" / "sql.md"


def owners(statement, values=None):
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def locked_tables():
    return owners(
        "SELECT relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation"
        " WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock'"
        " AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )


def test_each_view_keeps_conditions_below_its_own_and_is_nobodys_who_signs_in():
    found = owners(
        "SELECT c.relname, c.reloptions, r.rolname, r.rolcanlogin, r.rolsuper,"
        " r.rolbypassrls FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner"
        " WHERE c.relnamespace = 'reading'::regnamespace AND c.relkind = 'v'"
    )

    assert {row[0] for row in found} == set(VIEWS)
    assert {str(row[1:]) for row in found} == {
        "(['security_barrier=true'], 'askpro_views', False, False, False)"
    }


def test_the_views_owner_has_a_policy_and_a_right_where_it_reads_and_nowhere_else():
    read = {table for view in VIEWS.values() for table in view.tables}

    policies = owners("SELECT polrelid::regclass::text FROM pg_policy"
                      " WHERE polname = 'views'")  # fmt: skip
    rights = owners(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants"
        " WHERE grantee = 'askpro_views' AND table_schema = 'public'"
    )
    assert {name for (name,) in policies} == read
    assert set(rights) == {(table, "SELECT") for table in read}


def test_migrating_again_makes_the_views_anew_and_locks_no_table():
    company = furnish("salon")
    with transaction.atomic(using="owner"):
        schema.create(connections["owner"])
        assert locked_tables() == []
    call_command("migrate", verbosity=0)

    with scope(company.pk):
        assert query("SELECT count(*) FROM appointments").rows == ((1,),)


def test_no_view_stands_in_a_migrations_way():
    with transaction.atomic(using="owner"):
        with (
            pytest.raises(Exception, match="depends on"),
            transaction.atomic(using="owner"),
        ):
            owners("ALTER TABLE bookings_customer DROP COLUMN notes")
        schema.before_migrations("owner")
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE bookings_customer DROP COLUMN notes")
        transaction.set_rollback(True, using="owner")

    company = furnish("salon")
    with scope(company.pk):
        assert query("SELECT notes FROM customers").rows == (("",),)


def test_a_policy_of_a_table_that_is_read_no_more_goes():
    with transaction.atomic(using="owner"):
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "CREATE POLICY views ON bookings_occupancy FOR SELECT TO askpro_views"
                " USING (true)"
            )
            cursor.execute("GRANT SELECT ON bookings_occupancy TO askpro_views")
            schema.create(connections["owner"])
        assert not owners(
            "SELECT 1 FROM pg_policy WHERE polname = 'views'"
            " AND polrelid = 'bookings_occupancy'::regclass"
        )
        assert owners(
            "SELECT has_table_privilege('askpro_views', 'bookings_occupancy', 'SELECT')"
        ) == [(False,)]
        transaction.set_rollback(True, using="owner")


def test_every_function_that_takes_a_row_is_known():
    """PostgreSQL calls them like a column: ``customers.row_to_json``."""
    found = {
        name
        for (name,) in owners(
            "SELECT DISTINCT proname FROM pg_proc"
            " WHERE pronargs - pronargdefaults <= 1 AND pronargs >= 1"
            " AND proargtypes[0]::regtype::text = ANY (%s)",
            [['"any"', "anyelement", "anynonarray", "anycompatible",
              "anycompatiblenonarray", "record"]],
        )
        if not name.startswith("pg_")
    }  # fmt: skip

    assert found <= allowed.ROW_FUNCTIONS | allowed.FUNCTIONS
    columns = {one.name for view in VIEWS.values() for one in view.columns}
    assert not columns & allowed.ROW_FUNCTIONS
    assert not columns & allowed.SYSTEM_COLUMNS


def test_no_view_shows_a_secret_a_raw_body_or_a_transcript():
    shown = {(view.name, one.source) for view in VIEWS.values() for one in view.columns}
    words = ("secret", "key", "body", "payload", "transcript", "token", "arguments",
             "answer", "digest", "headers")  # fmt: skip

    assert not [one for one in shown if any(word in one[1] for word in words)]


def test_the_document_names_every_column():
    assert views.reference() in Path(DOCUMENT).read_text(), (
        "put views.reference() into docs/sql.md"
    )


def test_the_reader_reaches_no_table_of_the_catalogue_that_holds_values():
    company = furnish("salon")
    with reader(company.pk) as connection:
        for name in ("pg_statistic", "pg_authid", "pg_shadow", "pg_stat_activity"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {name}")
        assert connection.execute(
            "SELECT count(*) FROM pg_stats WHERE schemaname NOT IN"
            " ('pg_catalog', 'information_schema')"
        ).fetchone() == (0,)
        assert connection.execute(f"SELECT {SCHEMA}.company()").fetchone() == (
            company.pk,
        )
