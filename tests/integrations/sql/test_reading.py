"""One SELECT of one company's rows: its answers, and its words where it can't."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import psycopg
import pytest
from django.db import connections, transaction
from django.utils import translation

from askpro.errors import AskProError
from integrations.models import SqlTicket
from integrations.sql import reader, reading
from integrations.sql.reading import QueryFailed, query
from integrations.sql.refusals import QueryRefused
from integrations.sql.views import SCHEMA, VIEWS
from tenants.models import AuditEntry
from tenants.scoping import ScopeMissing, every_company, scope
from tests import factories as make
from tests.integrations.sql.stage import PHONE, furnish

pytestmark = pytest.mark.django_db


@pytest.fixture
def salon():
    return furnish("salon")


@pytest.fixture
def garage():
    return furnish("werkstatt")


@pytest.fixture(autouse=True)
def _in_english():
    with translation.override("en"):
        yield


def test_the_example_finds_the_companys_own_rows_alone(salon, garage):
    for company in (salon, garage):
        with scope(company.pk):
            found = query(
                "SELECT * FROM appointments WHERE customer_phone = ?", [PHONE]
            )

        assert len(found.rows) == 1
        row = {h.name: v for h, v in zip(found.columns, found.rows[0], strict=True)}
        assert row["customer_name"] == f"Kundin {company.slug}"
        assert not found.truncated


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_shows_its_columns_of_one_company(salon, garage, view):
    with scope(salon.pk):
        found = query(f"SELECT * FROM {view}")
        again = query(f"SELECT count(*) FROM {SCHEMA}.{view}")

    assert [h.name for h in found.columns] == [c.name for c in VIEWS[view].columns]
    assert len(found.rows) == again.rows[0][0] == 1
    assert "werkstatt" not in str(found.rows)


@pytest.mark.parametrize("mark", ["?", "%s"])
def test_values_are_bound_wherever_the_scanner_sees_a_place(salon, mark):
    text = (
        f"SELECT {mark} AS a, '? %s' AS b, {mark} AS c, 7 % 4 AS d /* ? %s */"
        f" FROM customers -- {mark}\n WHERE name LIKE 'Kundin%' AND phone = {mark}"
    )
    with scope(salon.pk):
        found = query(text, ["x'; DROP TABLE customers; --", 3, PHONE])

    assert found.rows == (("x'; DROP TABLE customers; --", "? %s", 3, 3),)


@pytest.mark.parametrize(
    ("text", "values", "words"),
    [
        ("SELECT * FROM appointment", [], "appointments"),
        ("SELECT * FROM customers WHERE telephone = ?", ["1"], "phone"),
        ("SELECT pg_sleep(5)", [], "date_trunc"),
        ("SELECT name, count(*) FROM customers", [], "GROUP BY"),
        ("SELECT * FROM customers WHERE phone = ? AND id = ?", ["1"], "2 places"),
        ("SELECT * FROM customers WHERE phone = ? AND id = %s", [1, 2], "one sign"),
        ("SELECT * FROM customers WHERE name > created_at", [], "Types"),
        ("DELETE FROM customers", [], "Only SELECT"),
        ("SELECT 1; SELECT 2", [], "one query"),
        ("SELECT FROM WHERE", [], "from here: WHERE"),
        ("SELECT 'a", [], "from here: 'a"),
        ("SELECT 1 / ? FROM customers", [0], "nullif"),
        ("SELECT name FROM customers WHERE name SIMILAR TO 'a'", [], "LIKE"),
        ("SELECT name::char(9000000) FROM customers", [], "text"),
        ("SELECT * FROM generate_series(1, 9)", [], "FROM"),
        ("SELECT ? FROM customers", ["\ud800"], "sign"),
        ("SELECT ? FROM customers", [b"bytes"], "a number"),
        ("SELECT ? FROM customers", [["a"]], "a number"),
        ("SELECT ? FROM customers", [10**400], "too long"),
        ("SELECT ? FROM customers", ["a" * 9000], "too long"),
        ("SELECT " + ", ".join("?" * 101), [1] * 101, "At most 100"),
        (
            "SELECT " + ", ".join(["c.*"] * 20) + " FROM customers c",
            [],
            "At most 100 columns",
        ),
        ("SELECT $1", [1], "not \\$1"),
        ("SELECT '" + "a" * 9000 + "'", [], "8000"),
        ("", [], "one query"),
    ],
)
def test_an_error_says_what_would_work(salon, text, values, words):
    with scope(salon.pk), pytest.raises((QueryRefused, QueryFailed), match=words):
        query(text, values)


def test_an_error_never_repeats_a_value(salon):
    with scope(salon.pk), pytest.raises(QueryFailed) as caught:
        query("SELECT name::int FROM customers")

    assert "Kundin" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_query_that_takes_too_long_is_ended(salon):
    with scope(salon.pk):
        for _ in range(20):
            make.make_customer(company=salon)
        # Each view has 21 rows: 38 billion combinations.
        many = ", ".join(f"customers c{i}" for i in range(8))
        with pytest.raises(QueryFailed, match="longer than 2 s"):
            query(f"SELECT count(c0.name || c7.name) FROM {many}")
        assert query("SELECT count(*) FROM customers").rows == ((21,),)


def test_rows_and_bytes_are_limited_and_it_says_so(salon):
    with scope(salon.pk):
        for _ in range(11):
            make.make_customer(company=salon)
        found = query("SELECT a.id FROM customers a, customers b, customers c")

    assert len(found.rows) == reading.MOST_ROWS
    assert found.truncated


def test_outside_one_companys_scope_nothing_runs(salon):
    with pytest.raises(ScopeMissing):
        query("SELECT 1")
    with every_company(), pytest.raises(ScopeMissing):
        query("SELECT 1")
    with (
        scope(salon.pk),
        transaction.atomic(),
        pytest.raises(RuntimeError, match="commit"),
    ):
        query("SELECT 1")


def test_each_query_leaves_an_entry_without_its_values_and_no_ticket(salon, garage):
    with scope(salon.pk):
        query(
            "SELECT count(*) FROM calls WHERE from_number = '+4930555' AND id = ?",
            [None],
        )
        with pytest.raises(QueryRefused):
            query("SELECT * FROM pg_shadow WHERE usename = 'geheim'")

        entries = list(AuditEntry.objects.filter(action="queried").order_by("at"))
        assert not SqlTicket.objects.exists()
    assert [one.changes["outcome"] for one in entries] == [
        [None, "ok"],
        [None, "refused"],
    ]
    kept = str([one.changes for one in entries])
    assert "from_number" in kept
    assert "4930555" not in kept
    assert "geheim" not in kept
    with scope(garage.pk):
        assert not AuditEntry.objects.filter(action="queried").exists()


def test_no_company_can_write_a_ticket_for_another(salon, garage):
    with scope(salon.pk), pytest.raises(Exception, match="row-level security"):
        SqlTicket.objects.create(company_id=garage.pk, pid=1)


def test_the_reader_can_read_nothing_but_its_views(salon):
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT n.nspname || '.' || c.relname FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
            " AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
            " AND has_table_privilege('askpro_reader', c.oid, 'SELECT')"
        )
        readable = {name for (name,) in cursor.fetchall()}
        cursor.execute(
            "SELECT has_schema_privilege('askpro_reader', 'public', 'USAGE')"
        )
        assert cursor.fetchone() == (False,)

    assert readable == {f"{SCHEMA}.{view}" for view in VIEWS}


@pytest.mark.parametrize(
    ("text", "values", "row"),
    [
        ("SELECT 'ä😀', phone=? FROM customers WHERE 'é'<>?", [PHONE, "x"], True),
        ("SELECT 'ä😀', phone=%s FROM customers WHERE 'é'<>%s", [PHONE, "x"], True),
        ("SELECT 'ä😀', ?+?-?", [1, 2, 4], -1),
        ("SELECT 'ä😀', ?||?", ["a", "b"], "ab"),
        ("SELECT 'ä😀', 7 %s", [1], None),
    ],
)
def test_a_mark_may_stick_to_an_operator_and_stand_behind_any_letter(
    salon, text, values, row
):
    with scope(salon.pk):
        if row is None:
            with pytest.raises(QueryRefused):
                query(text, values)
        else:
            assert query(text, values).rows == (("ä😀", row),)


def test_the_answer_names_its_columns_and_their_types(salon):
    with scope(salon.pk):
        found = query("SELECT name, created_at, 1 AS one FROM customers")
        nobody = query("SELECT id FROM customers WHERE name = ?", ["Niemand"])

    assert found.columns == (
        ("name", "varchar(160)"),
        ("created_at", "timestamptz"),
        ("one", "int4"),
    )
    assert nobody.columns == (("id", "uuid"),)
    assert nobody.rows == ()


def test_an_entry_keeps_no_value_wherever_it_was_written(salon):
    asked = [
        "SELECT count(*) FROM customers WHERE name = 'Geheim' -- Geheim",
        'SELECT count(*) AS "Geheim" FROM customers WHERE name = "Geheim"',
        "SELECT count(*) FROM geheim WHERE name = $$geheim$$",
        "DELETE FROM customers WHERE name = 'Geheim'",
        "SELECT 'Geheim",
    ]
    for text in asked:
        refused = pytest.raises(AskProError) if text != asked[0] else nullcontext()
        with scope(salon.pk), refused:
            query(text)

    with scope(salon.pk):
        entries = AuditEntry.objects.filter(action="queried").order_by("at")
        kept = [one.changes["query"][1] for one in entries]
    assert kept == [
        "SELECT count(*) FROM customers WHERE name = $0",
        'SELECT count(*) AS "…" FROM customers WHERE name = "…"',
        'SELECT count(*) FROM "…" WHERE name = $0',
        "",
        "",
    ]


def test_a_company_can_keep_only_few_connections(salon, garage):
    with scope(salon.pk):
        for _ in range(reader.MOST_AT_ONCE):
            SqlTicket.objects.create(company_id=salon.pk, pid=1)
        with pytest.raises(QueryRefused, match="run already"):
            query("SELECT 1")
        assert SqlTicket.objects.count() == reader.MOST_AT_ONCE
    with scope(garage.pk):
        assert query("SELECT 1").rows == ((1,),)


def test_a_ticket_that_was_left_behind_goes(salon):
    with scope(salon.pk):
        left = SqlTicket.objects.create(company_id=salon.pk, pid=1)
        SqlTicket.objects.filter(pk=left.pk).update(at=left.at - timedelta(minutes=2))
        query("SELECT 1")

        assert not SqlTicket.objects.exists()


def test_a_ticket_serves_its_own_connection_alone(salon, garage):
    """A process number comes again; what a connection was started with does not."""
    with reader.reader(salon.pk) as connection:
        pid = connection.info.backend_pid
        with scope(garage.pk):
            SqlTicket.objects.create(company_id=garage.pk, pid=pid)
        names = connection.execute("SELECT name FROM customers").fetchall()
        assert names == [("Kundin salon",)]
        with scope(salon.pk):
            SqlTicket.objects.all().delete()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT name FROM customers")


def test_a_reader_can_neither_write_nor_say_who_it_is(salon, garage):
    statements = [
        "SET ROLE askpro_views",
        "SET SESSION AUTHORIZATION askpro_views",
        "SELECT * FROM public.bookings_customer",
        "SELECT * FROM public.sql_ticket",
        f"UPDATE {SCHEMA}.customers SET name = 'x'",
        f"CREATE TABLE {SCHEMA}.x (id int)",
        "CREATE TABLE public.x (id int)",
        "CREATE TEMPORARY TABLE x (id int)",
        "CREATE FUNCTION pg_temp.x() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ]
    with reader.reader(salon.pk) as connection:
        connection.read_only = None
        connection.execute("SET default_transaction_read_only = off")
        for statement in statements:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
