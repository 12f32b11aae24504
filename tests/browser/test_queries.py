"""The page "Abfragen" at a desk and on a telephone, with scripts and without."""

from __future__ import annotations

import pytest
from django.test import Client

from tenants.scoping import scope
from tests import factories
from tests.browser.test_admin import _fits, _picture

pytestmark = [pytest.mark.django_db, pytest.mark.proof]
PHONE = "+493011112222"


@pytest.fixture
def asked(salon):
    """A salon with appointments, and somebody who owns it."""
    owner = factories.make_member(company=salon.company, username="petra@salon.example")
    with scope(salon.company_id):
        customer = factories.make_customer(
            company=salon.company, name="Anna Ärger", phone=PHONE
        )
        for _ in range(3):
            factories.make_appointment(branch=salon, customer=customer)
    client = Client()
    client.force_login(owner)
    return client.cookies["sessionid"].value


def _opened(window, system, session):
    cookie = {"name": "sessionid", "value": session, "url": system.web_url}
    window.context.add_cookies([cookie])
    violations = []
    window.on("console", lambda said: violations.append(said.text))
    window.goto(f"{system.web_url}/admin/queries/")
    return violations


def test_an_owner_asks_with_the_keyboard_alone(window, system, asked):
    violations = _opened(window, system, asked)
    window.get_by_text("Noch nichts abgefragt").wait_for()
    assert _fits(window)
    _picture(window, "queries-empty")

    text = window.get_by_label("Abfrage", exact=True)
    text.fill("SELECT starts_at, branch, customer_name, state, id FROM appointments")
    assert window.locator("#query-values input").count() == 0
    text.press_sequentially(" WHERE customer_phone = ? AND branch <> '?'")
    window.get_by_label("Wert 1").fill(PHONE)
    assert window.locator("#query-values input").count() == 1
    window.keyboard.press("Control+Enter")
    window.get_by_text("3 Zeilen.").wait_for()
    assert window.locator("tbody tr").count() == 3
    assert window.get_by_label("Wert 1").input_value() == PHONE
    assert _fits(window)
    _picture(window, "queries-found")

    with window.expect_download() as download:
        window.get_by_role("button", name="Als CSV herunterladen").click()
    assert "Anna Ärger" in download.value.path().read_text("utf-8-sig")

    window.get_by_text("appointments Termine").click()
    window.get_by_text("Stand: requested").wait_for()
    assert _fits(window)
    _picture(window, "queries-reference")

    text.fill("SELECT termin FROM appointments")
    window.keyboard.press("Control+Enter")
    window.get_by_role("alert").get_by_text("Eine Spalte ist unbekannt").wait_for()
    assert _fits(window)
    _picture(window, "queries-refused")
    assert not [said for said in violations if "Content Security" in said]


def test_it_works_without_scripts(window, system, asked, chromium):
    context = chromium.new_context(java_script_enabled=False, locale="de-DE")
    page = context.new_page()
    try:
        _opened(page, system, asked)
        page.get_by_role("link", name="Alle Termine zu einer Telefonnummer").click()
        page.get_by_label("Wert 1").fill(PHONE)
        page.get_by_role("button", name="Ausführen").click()
        page.get_by_text("3 Zeilen.").wait_for()
        page.get_by_label("Abfrage", exact=True).fill(
            "SELECT name FROM customers WHERE phone = ? OR name = ?"
        )
        page.get_by_role("button", name="Ausführen").click()
        page.get_by_text("Füllen Sie die Werte aus").wait_for()
        assert page.locator("#query-values input").count() == 2
    finally:
        context.close()
