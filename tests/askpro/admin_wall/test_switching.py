"""Choosing the company to work in: whose it may be, for how long, what follows."""

from __future__ import annotations

import re
from importlib import import_module

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from bookings.models import Customer
from tenants.models import Company, Membership
from tenants.scoping import every_company
from tests import factories as make
from tests.askpro.admin_wall import people
from tests.askpro.admin_wall.pages import MALFORMED, RANDOM_ID
from tests.askpro.admin_wall.people import LIST, filled, shown

pytestmark = pytest.mark.django_db

CHOOSE = "/admin/company/"


@pytest.fixture
def salon():
    return filled("salon", "Anna")


@pytest.fixture
def praxis():
    return filled("praxis", "Berta")


@pytest.fixture
def both(salon, praxis):
    """Somebody who owns the one and sits at the desk of the other."""
    user = make.make_member(company=salon, role="read_only")
    with every_company():
        Membership.objects.create(company=praxis, user=user, role="owner")
    return people.signed_in(user)


def customers():
    with every_company():
        return {(one.company.slug, one.name) for one in Customer.objects.all()}


# --- members --------------------------------------------------------------------------


def test_b8_a_member_of_two_companies_sees_one_at_a_time(both, salon, praxis):
    assert shown(both) == ("Salon", {"Anna"})

    got = people.choose(both, praxis, next=LIST)

    assert (got.status_code, got.url) == (302, LIST)
    assert shown(both) == ("Praxis", {"Berta"})
    people.choose(both, salon)
    assert shown(both) == ("Salon", {"Anna"})


def test_a_role_holds_in_its_company_alone(both, salon, praxis):
    add = {"name": "Neu"}

    assert both.post("/admin/bookings/customer/add/", add).status_code == 403
    people.choose(both, praxis)
    assert both.post("/admin/bookings/customer/add/", add).status_code == 302
    people.choose(both, salon)
    assert both.post("/admin/bookings/customer/add/", add).status_code == 403
    assert customers() == {("salon", "Anna"), ("praxis", "Berta"), ("praxis", "Neu")}


@pytest.mark.parametrize("wished", ["foreign", RANDOM_ID, MALFORMED, "", "every"])
def test_b8_a_company_of_others_can_not_be_chosen(both, salon, wished):
    fremd = make.make_company("fremd")
    company = str(fremd.pk) if wished == "foreign" else wished

    got = both.post(CHOOSE, {"company": company})

    assert got.status_code == 404
    assert "Fremd" not in got.content.decode()
    assert shown(both) == ("Salon", {"Anna"})


def test_b8_no_address_chooses_a_company(both, praxis):
    for query in ("company", "askpro_company", "company_id", "next"):
        assert shown(both, f"{LIST}?{query}={praxis.pk}")[1] in ({"Anna"}, set())
    assert both.get(CHOOSE, {"company": praxis.pk}).status_code == 200
    assert shown(both) == ("Salon", {"Anna"})


def test_b8_what_a_session_says_is_only_a_wish(both):
    fremd = filled("fremd", "Fritz")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    session = store(both.cookies[settings.SESSION_COOKIE_NAME].value)
    session["askpro_company"] = str(fremd.pk)
    session.save()

    assert shown(both) == ("Salon", {"Anna"})


def test_b8_a_membership_that_ended_counts_for_nothing_at_once(both, salon, praxis):
    people.choose(both, praxis)
    assert shown(both) == ("Praxis", {"Berta"})
    with every_company():
        Membership.objects.filter(company=praxis).delete()

    got = both.post("/admin/bookings/customer/add/", {"name": "Neu"})

    assert got.status_code == 403
    assert customers() == {("salon", "Anna"), ("praxis", "Berta")}
    page = both.get(LIST).content.decode()
    assert "Anna" in page
    assert "Berta" not in page
    assert people.choose(both, praxis).status_code == 404


def test_whose_chosen_company_ended_is_told_and_works_on_in_another(both, praxis):
    people.choose(both, praxis)
    with every_company():
        Company.objects.filter(pk=praxis.pk).update(is_active=False)

    page = both.get(LIST).content.decode()

    assert "In dem Betrieb, den Sie gewählt hatten, arbeiten Sie nicht mehr." in page
    assert shown(both) == ("Salon", {"Anna"})
    assert "arbeiten Sie nicht mehr" not in both.get(LIST).content.decode()


def test_who_lost_the_last_company_is_outside(salon):
    client = people.signed_in(make.make_member(company=salon))
    assert shown(client)[0] == "Salon"
    with every_company():
        Membership.objects.all().delete()

    for got in (client.get(LIST), client.post(LIST), client.get(CHOOSE)):
        assert got.status_code == 302
        assert got.url.startswith(reverse("admin:login"))


def test_one_company_is_named_and_nothing_is_offered(salon):
    client = people.signed_in(make.make_member(company=salon))

    page = client.get(LIST).content.decode()

    assert shown(client)[0] == "Salon"
    assert "Wechseln" not in page


def test_the_header_offers_a_persons_own_companies_alone(both):
    filled("fremd", "Fritz")

    header = both.get(LIST).content.decode().split("<details", 1)[1]
    header = header.split("</details>", 1)[0]

    assert "Praxis" in header
    assert "Fremd" not in header
    assert "Alle Betriebe" not in header


# --- forms of another company ---------------------------------------------------------


def token(client, path):
    text = client.get(path).content.decode()
    return re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', text)[1]


def test_b8_a_form_of_one_company_is_not_sent_into_another(both, salon, praxis):
    with every_company():
        Membership.objects.update(role="owner")
    browser = Client(enforce_csrf_checks=True, headers={"accept-language": "de"})
    browser.cookies = both.cookies
    add = "/admin/bookings/customer/add/"
    old = token(browser, add)  # a window that stays open at the salon
    form = {"company": praxis.pk, "csrfmiddlewaretoken": token(browser, LIST)}
    assert browser.post(CHOOSE, form).status_code == 302

    got = browser.post(add, {"name": "Geheim", "csrfmiddlewaretoken": old})

    assert got.status_code == 403
    assert "Diese Seite ist abgelaufen" in got.content.decode()
    assert customers() == {("salon", "Anna"), ("praxis", "Berta")}
    new = {"name": "Neu", "csrfmiddlewaretoken": token(browser, add)}
    assert browser.post(add, new).status_code == 302
    assert ("praxis", "Neu") in customers()


def test_b8_a_request_that_undoes_the_choice_sends_no_form_there(both, salon, praxis):
    """A slow request writes the whole session back, as it was before the switch."""
    with every_company():
        Membership.objects.update(role="owner")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    key = both.get(LIST) and both.cookies[settings.SESSION_COOKIE_NAME].value
    before = dict(store(key).items())
    people.choose(both, praxis)
    both.get("/admin/bookings/customer/add/")  # the form says: Praxis
    session = store(key)
    session.clear()
    session.update(before)
    session.save()

    got = both.post("/admin/bookings/customer/add/", {"name": "Geheim"})

    assert got.status_code == 403
    assert customers() == {("salon", "Anna"), ("praxis", "Berta")}
    assert shown(both) == ("Salon", {"Anna"})


def test_choosing_needs_the_pages_token(both, praxis):
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = both.cookies

    assert browser.post(CHOOSE, {"company": praxis.pk}).status_code == 403
    assert shown(both)[0] == "Salon"


# --- where one comes back to ----------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "comes"),
    [
        (LIST, LIST),
        ("https://evil.example/admin/", "/admin/"),
        ("//evil.example/admin/", "/admin/"),
        ("/admin/../api/mcp", "/admin/"),
        ("/admin/nowhere/", "/admin/nowhere/"),
        ("/healthz", "/admin/"),
        ("", "/admin/"),
        # Nobody but the platform's operators goes there.
        ("/admin/auth/user/", "/admin/"),
    ],
)
def test_after_choosing_one_is_on_a_page_of_the_admin(both, praxis, asked, comes):
    assert people.choose(both, praxis, next=asked).url == comes


def test_a_rows_page_leads_back_to_its_list(both, salon):
    with every_company():
        row = Customer.objects.get(company=salon)

    page = both.get(f"{LIST}{row.pk}/change/").content.decode()

    assert f'name="next" value="{LIST}"' in page


def test_a_list_that_the_other_role_may_not_see_leads_to_the_overview(both, praxis):
    with every_company():
        Membership.objects.filter(company=praxis).update(role="staff")

    got = people.choose(both, praxis, next="/admin/webhooks/webhooklog/")

    assert got.url == "/admin/"


# --- rows of the other company --------------------------------------------------------


@pytest.mark.parametrize("page", ["change", "delete", "history"])
def test_b8_a_row_of_ones_other_company_is_404_with_a_hint(both, praxis, page):
    with every_company():
        row = Customer.objects.get(company=praxis)
    make.make_company("fremd")

    answers = {both.get(f"{LIST}{pk}/{page}/") for pk in (row.pk, RANDOM_ID, MALFORMED)}

    assert {got.status_code for got in answers} == {404}
    for got in answers:
        text = got.content.decode()
        assert "gehört vielleicht zu einem anderen Ihrer Betriebe" in text
        assert "Bei Praxis nachsehen" in text
        assert "Fremd" not in text
        assert "Berta" not in text
    path = f"{LIST}{row.pk}/change/"
    assert people.choose(both, praxis, next=path).url == path
    assert both.get(path).status_code == 200


def test_one_company_has_no_hint(salon, praxis):
    client = people.signed_in(make.make_member(company=salon))

    page = client.get(f"{LIST}{RANDOM_ID}/change/")

    assert page.status_code == 404
    assert "gehört vielleicht" not in page.content.decode()
    assert "Sie arbeiten in: Salon." in page.content.decode()


def test_a_page_that_the_role_does_not_include_says_whose_it_is(both):
    page = both.get("/admin/tenants/apikey/")

    assert page.status_code == 403
    assert "Sie arbeiten in: Salon." in page.content.decode()
