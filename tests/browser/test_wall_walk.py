"""Somebody walks through the whole admin in a browser, and meets one company alone."""

from __future__ import annotations

import pytest

from tests import factories as make
from tests.askpro.admin_wall import people
from tests.askpro.admin_wall.world import MARK, make_world
from tests.browser.test_admin import _fits, _picture

pytestmark = [pytest.mark.django_db, pytest.mark.proof]

SIZES = {"desk": (1440, 900), "telephone": (390, 844)}


@pytest.fixture(params=list(SIZES.values()), ids=list(SIZES))
def window(request, chromium):
    """A page of German staff, whose errors fail the test."""
    width, height = request.param
    context = chromium.new_context(
        viewport={"width": width, "height": height}, locale="de-DE"
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def world(system):
    return make_world()


def come_in(window, system, client):
    """Give the browser the session of somebody who signed in."""
    client.get("/admin/")
    window.context.add_cookies(
        [
            {"name": name, "value": cookie.value, "url": system.web_url}
            for name, cookie in client.cookies.items()
        ]
    )


def go(window, system, path):
    """Open a page; return what it says to eyes and to machines."""
    window.goto(f"{system.web_url}{path}")
    return window.content()


def links(window, where):
    found = window.eval_on_selector_all(
        f"{where} a[href]", "found => found.map(one => one.getAttribute('href'))"
    )
    return [one for one in dict.fromkeys(found) if one.startswith(("/admin/", "?"))]


def company_of(window):
    shown = window.locator("#company-name")
    assert shown.is_visible()
    return shown.inner_text()


def test_b8_a_desk_user_walks_through_the_whole_admin(window, system, world):
    come_in(window, system, people.of("desk", world.ours))
    assert MARK not in go(window, system, "/admin/")
    menu = links(window, "#nav-sidebar")
    assert len(menu) > 15
    rows = 0

    for path in menu:
        assert MARK not in go(window, system, path), path
        assert company_of(window) == "Salon", path
        assert _fits(window), path
        first = [one for one in links(window, "#result_list") if "/change/" in one][:1]
        filters = [one for one in links(window, "#content") if one.startswith("?")]
        for more in [*first, *(f"{path}{one}" for one in filters[:6])]:
            assert MARK not in go(window, system, more), more
            assert company_of(window) == "Salon", more
        rows += len(first)
    assert rows > 12
    go(window, system, "/admin/bookings/callback/")
    _picture(window, "wall-callbacks")


def test_b8_typing_anothers_names_finds_nothing(window, system, world):
    come_in(window, system, people.of("desk", world.ours))
    customer, branch = (
        next(iter(world.rows[label]))
        for label in ("bookings.Customer", "tenants.Branch")
    )
    go(window, system, "/admin/bookings/customer/")
    window.locator("#searchbar").fill(customer.name)
    window.keyboard.press("Enter")
    window.wait_for_url("**?q=*")
    assert window.locator("#result_list tbody tr").count() == 0

    for name, said in ((branch.name, 0), ("Salon", 1)):
        go(window, system, "/admin/bookings/callback/add/")
        window.locator("[aria-labelledby=select2-id_branch-container]").first.click()
        window.locator(".select2-search__field").last.fill(name)
        if said:
            window.locator(".select2-results").get_by_text("Salon Mitte").wait_for()
        else:
            window.locator(".select2-results__message").wait_for()
        shown = window.locator(".select2-results").inner_text()
        assert MARK not in shown
        _picture(window, f"wall-suggestions-{said}")


def test_b8_a_strange_row_is_a_page_that_says_where_one_is(window, system, world):
    client = people.of("owner", world.ours)
    come_in(window, system, client)
    row = world.rows["bookings.Customer"][0]

    text = go(window, system, f"/admin/bookings/customer/{row.pk}/change/")

    assert MARK not in text
    assert window.get_by_text("Sie arbeiten in: Salon.").is_visible()
    assert _fits(window)
    _picture(window, "wall-404")


def test_a_member_of_two_companies_finds_the_row_in_the_other(window, system, world):
    user = make.make_member(company=world.ours)
    praxis = make.make_company("praxis")
    make.across(type(user).memberships.rel.related_model.objects.create)(
        company=praxis, user=user, role="desk"
    )
    customer = make.make_customer(company=praxis, name="Berta")
    come_in(window, system, people.signed_in(user))
    go(window, system, f"/admin/bookings/customer/{customer.pk}/change/")
    window.get_by_text("zu einem anderen Ihrer Betriebe").wait_for()
    assert _fits(window)
    _picture(window, "wall-404-hint")

    window.get_by_role("button", name="Bei Praxis nachsehen").click()

    window.locator("#id_name").wait_for()
    assert window.locator("#id_name").input_value() == "Berta"
    assert company_of(window) == "Praxis"


def switch(window, name):
    """Choose by the keyboard alone."""
    window.locator("#company summary").focus()
    window.keyboard.press("Enter")
    window.get_by_role("button", name=name, exact=True).focus()
    _picture(window, f"wall-switch-{name.split()[0].lower()}")
    with window.expect_navigation():
        window.keyboard.press("Enter")


def test_an_operator_switches_from_all_to_one_to_the_other(window, system, world):
    praxis = make.make_company("praxis")
    make.make_customer(company=praxis, name="Berta")
    for position in range(60):
        make.make_company(f"betrieb-{position:02}")
    come_in(window, system, people.signed_in(make.make_operator()))
    path = "/admin/bookings/customer/"

    assert "Berta" in go(window, system, path)
    assert MARK in window.content()
    assert company_of(window) == "Alle Betriebe"
    assert _fits(window)
    _picture(window, "wall-all")
    window.locator("#company summary").click()
    window.get_by_role("link", name="Anderen Betrieb wählen").click()
    window.get_by_label("Name, Kurzname oder Nummer").fill("salon")
    _picture(window, "wall-choice")
    assert _fits(window)
    window.keyboard.press("Enter")
    window.wait_for_url("**q=salon**")
    window.get_by_role("button", name="Salon", exact=True).click()

    window.wait_for_url(f"**{path}")
    assert company_of(window) == "Salon"
    assert MARK not in window.content()
    window.goto(f"{system.web_url}/admin/company/?q=praxis&next={path}")
    window.get_by_role("button", name="Praxis", exact=True).click()
    window.wait_for_url(f"**{path}")
    assert company_of(window) == "Praxis"
    assert "Berta" in window.content()
    switch(window, "Salon")
    assert company_of(window) == "Salon"
    switch(window, "Alle Betriebe")
    assert company_of(window) == "Alle Betriebe"


def test_a_company_is_chosen_without_scripts(chromium, system, world):
    context = chromium.new_context(locale="de-DE", java_script_enabled=False)
    page = context.new_page()
    come_in(page, system, people.of("operator", world.ours))
    page.goto(f"{system.web_url}/admin/")

    page.locator("#company summary").click()
    page.get_by_role("button", name="Alle Betriebe").click()

    assert company_of(page) == "Alle Betriebe"
    context.close()
