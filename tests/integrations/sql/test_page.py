"""The page "Abfragen": who may ask, what is shown, what leaves as a file."""

from __future__ import annotations

import csv
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from integrations.admin_queries import EXAMPLES, MOST_SHOWN
from integrations.sql.reading import query
from integrations.sql.views import VIEWS
from tenants.models import AuditEntry
from tenants.scoping import every_company, scope
from tests import factories as make
from tests.integrations.sql.stage import PHONE, furnish

pytestmark = pytest.mark.django_db
PAGE = "/admin/queries/"


@pytest.fixture
def salon():
    return furnish("salon")


@pytest.fixture
def garage():
    return furnish("werkstatt")


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(salon):
    return signed_in(make.make_member(company=salon, role="owner"))


def entries(company):
    with scope(company.pk):
        return list(
            AuditEntry.objects.filter(action__in=["queried", "exported"])
            .order_by("at")
            .values_list("action", flat=True)
        )


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def test_an_owner_asks_and_sees_the_own_rows_alone(owner, salon, garage):
    answer = owner.post(
        PAGE,
        {"sql": "SELECT * FROM appointments WHERE customer_phone = ?", "value": PHONE},
    )

    text = text_of(answer)
    assert answer.status_code == 200
    assert "1 Zeile." in text
    assert "Kundin salon" in text
    assert "werkstatt" not in text
    assert entries(salon) == ["queried"]
    assert entries(garage) == []


def test_the_page_begins_with_words_examples_and_every_column(owner):
    text = text_of(owner.get(PAGE))

    assert "Noch nichts abgefragt" in text
    for view in VIEWS.values():
        assert f"<code>{view.name}</code>" in text
    assert "Nummern, die Anrufer wählen" in text
    assert f'href="{PAGE}?example=0"' in text
    assert "no-store" in owner.get(PAGE)["Cache-Control"]


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_every_example_runs(owner, salon, number):
    sql, values = EXAMPLES[number][1:]
    shown = owner.get(PAGE, {"example": number})
    assert shown.context["asked"].sql == sql

    with scope(salon.pk):
        query(sql, values)


@pytest.mark.parametrize("number", ["-1", "99", "x", "²", "1" * 50])
def test_no_such_example_is_an_empty_page(owner, number):
    assert owner.get(PAGE, {"example": number}).context["asked"].sql == ""


@pytest.mark.parametrize("role", ["desk", "staff", "read_only"])
def test_nobody_else_of_the_company_may_ask(salon, role):
    client = signed_in(make.make_member(company=salon, role=role))

    for answer in (
        client.get(PAGE),
        client.post(PAGE, {"sql": "SELECT name FROM customers"}),
    ):
        assert answer.status_code == 403
        assert "Kundin" not in answer.content.decode()
    assert entries(salon) == []
    assert PAGE not in client.get(reverse("admin:index")).content.decode()


def test_who_is_not_signed_in_is_asked_to(client, salon):
    assert client.get(PAGE).status_code == 302
    assert client.post(PAGE, {"sql": "SELECT 1"}).status_code == 302
    assert entries(salon) == []


def test_an_operator_chooses_a_company_first(salon, garage):
    client = signed_in(make.make_operator())

    everywhere = client.get(PAGE)
    refused = client.post(PAGE, {"sql": "SELECT name FROM customers"})
    client.post("/admin/company/", {"company": str(salon.pk)})
    answer = client.post(PAGE, {"sql": "SELECT name FROM customers"})

    assert "Wählen Sie zuerst" in text_of(everywhere)
    assert "Kundin" not in text_of(refused)
    assert "Kundin salon" in text_of(answer)
    assert "werkstatt" not in text_of(answer)
    assert entries(salon) == ["queried"]


def test_a_refusal_stands_at_its_place_and_keeps_what_was_written(owner, salon):
    sql = "SELECT * FROM termine WHERE name = ? AND phone = ?"
    answer = owner.post(PAGE, {"sql": sql, "value": ["<b>Anna</b>", "2"]})

    text = text_of(answer)
    assert 'id="query-error" role="alert"' in text
    assert "Es gibt keine Sicht termine." in text
    assert "appointment_changes" in text
    assert 'aria-invalid="true"' in text
    assert sql in text
    assert "&lt;b&gt;Anna&lt;/b&gt;" in text
    assert "<b>Anna" not in text


def test_without_scripts_the_server_asks_for_the_values(owner, salon):
    sql = "SELECT name FROM customers WHERE phone = ? OR name = ?"

    asked = text_of(owner.post(PAGE, {"sql": sql}))
    assert entries(salon) == []
    answer = text_of(owner.post(PAGE, {"sql": sql, "value": [PHONE, "x", "left over"]}))

    assert "Füllen Sie die Werte aus" in asked
    assert asked.count('<input name="value" value=') == 2
    assert "Kundin salon" in answer


def test_rows_are_shown_as_people_read_them(owner, salon):
    sql = (
        "SELECT 1234567 AS n, 12.5 AS d, true AS b, NULL AS nothing,"
        " '2026-11-30 13:00Z'::timestamptz AS at, '2026-11-30'::date AS day,"
        " 'NaN'::numeric AS nan, 'Infinity'::float8 AS inf, '<i>' AS text"
    )
    text = text_of(owner.post(PAGE, {"sql": sql}))

    cells = re.findall(r'<td data-name="(\w+)" (?:class="is-number")?>(.*?)</td>', text)
    assert cells == [
        ("n", "1.234.567"),
        ("d", "12,5"),
        ("b", "ja"),
        ("nothing", "–"),
        ("at", "30.11.2026 14:00"),
        ("day", "30.11.2026"),
        ("nan", "NaN"),
        ("inf", "inf"),
        ("text", "&lt;i&gt;"),
    ]


@pytest.mark.parametrize(
    "value",
    ["'infinity'::timestamptz", "'-infinity'::date", "'4713-01-01 BC'::date",
     "'9999999 years'::interval", "'99999-01-01'::timestamptz",
     "'178000000 years'::interval * 1000"],
)  # fmt: skip
def test_a_date_that_no_calendar_has_is_an_error_at_its_place(owner, value):
    answer = owner.post(PAGE, {"sql": f"SELECT {value} AS x"})

    assert answer.status_code == 200
    assert answer.context["asked"].error or answer.context["asked"].found


def test_limits_are_told(owner, salon):
    with scope(salon.pk):
        for _ in range(10):
            make.make_customer(company=salon)

    cut = text_of(owner.post(PAGE, {"sql": "SELECT 1 FROM customers a, customers b,"
                                           " customers c"}))  # fmt: skip
    nothing = text_of(owner.post(PAGE, {"sql": "SELECT 1 FROM customers WHERE false"}))

    assert "Die ersten 1000 Zeilen" in cut or "Die ersten 1.000 Zeilen" in cut
    assert f"die ersten {MOST_SHOWN}" in cut.lower()
    assert cut.count("<td ") == MOST_SHOWN
    assert "Keine Zeile passt." in nothing


def test_a_file_holds_no_formula_and_is_written_down(owner, salon, garage):
    with scope(salon.pk):
        for name in ("=1+1", "+49 30", "-1", "@SUM(A1)", "\t=1", 'Müller; "x"', " =2"):
            make.make_customer(company=salon, name=name, phone=None)
    sql = 'SELECT name, -5 AS n, NULL AS nothing, 1 AS "=x" FROM customers ORDER BY id'

    answer = owner.post(PAGE, {"sql": sql, "as": "csv"})

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="abfrage-\d{4}-\d\d-\d\d\.csv"',
        answer["Content-Disposition"],
    )
    lines = answer.content.decode("utf-8-sig").splitlines()
    rows = list(csv.reader(lines, delimiter=";"))
    assert rows[0] == ["name", "n", "nothing", "'=x"]
    assert [row[0] for row in rows[1:]] == [
        "Kundin salon", "'=1+1", "'+49 30", "'-1", "'@SUM(A1)", "'\t=1",
        'Müller; "x"', "' =2",
    ]  # fmt: skip
    assert rows[1][1:] == ["-5", "", "1"]
    assert entries(salon) == ["queried", "exported"]
    assert entries(garage) == []


def test_a_refused_file_is_a_page_and_no_export(owner, salon):
    answer = owner.post(PAGE, {"sql": "SELECT pg_sleep(5)", "as": "csv"})

    assert answer["Content-Type"].startswith("text/html")
    assert "pg_sleep ist nicht erlaubt" in text_of(answer)
    assert entries(salon) == ["queried"]


def test_a_form_of_another_site_runs_nothing(salon):
    user = make.make_member(company=salon, role="owner")
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    assert client.post(PAGE, {"sql": "SELECT 1"}).status_code == 403
    assert entries(salon) == []


def test_every_meaning_has_its_german():
    with translation.override("de"):
        english = [
            one.meaning
            for view in VIEWS.values()
            for one in view.columns
            if translation.gettext(one.meaning) == one.meaning
        ]
    # Names and abbreviations are the same in both.
    assert set(english) <= {"E.164", "retell, calcom", "name", "id"}
    with every_company():
        assert not AuditEntry.objects.exists()
