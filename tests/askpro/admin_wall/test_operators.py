"""An operator chooses one company or all; the page always says which."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bookings.models import Customer
from tenants import choice
from tenants.scoping import every_company
from tests import factories as make
from tests.askpro.admin_wall import people
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
def operator():
    return people.signed_in(make.make_operator())


def customers():
    with every_company():
        return {(one.company.slug, one.name) for one in Customer.objects.all()}


def test_an_operator_sees_all_then_one_then_the_other(operator, salon, praxis):
    assert shown(operator) == ("Alle Betriebe", {"Anna", "Berta"})

    people.choose(operator, salon)
    assert shown(operator) == ("Salon", {"Anna"})
    people.choose(operator, praxis)
    assert shown(operator) == ("Praxis", {"Berta"})
    people.choose(operator, None)
    assert shown(operator) == ("Alle Betriebe", {"Anna", "Berta"})


def test_an_operator_may_choose_a_company_that_is_switched_off(operator):
    closed = make.make_company("zu", is_active=False)

    assert people.choose(operator, closed).status_code == 302
    assert shown(operator)[0] == "Zu"


def test_an_operator_in_a_company_works_as_its_owner(operator, salon, praxis):
    people.choose(operator, salon)

    got = operator.post(
        "/admin/bookings/customer/add/", {"name": "Neu", "company": str(praxis.pk)}
    )

    assert got.status_code == 302
    assert ("salon", "Neu") in customers()
    assert operator.get("/admin/tenants/membership/").status_code == 200
    assert operator.get("/admin/auth/user/").status_code == 403
    assert operator.get("/admin/tenants/company/add/").status_code == 403


def test_the_platforms_accounts_are_not_shown_within_a_company(operator, salon):
    account = make.make_account(company=None, base_url="https://platform.example")
    own = make.make_account(company=salon, provider="retell", base_url="https://o.test")
    page = "/admin/tenants/provideraccount/"
    asked = {
        "app_label": "bookings",
        "model_name": "call",
        "field_name": "account",
        "term": "example",
    }
    assert "platform.example" in operator.get(page).content.decode()

    people.choose(operator, salon)

    listed = operator.get(page).content.decode()
    assert "platform.example" not in listed
    assert own.base_url in listed
    assert operator.get(f"{page}{account.pk}/change/").status_code == 404
    found = operator.get(reverse("admin:autocomplete"), asked)
    assert str(account.pk) not in found.content.decode()


def test_the_last_companies_are_at_hand(operator, salon, praxis):
    people.choose(operator, salon)
    people.choose(operator, praxis)

    header = operator.get(LIST).content.decode().split("</details>", 1)[0]

    assert "Salon" in header
    assert "Alle Betriebe" in header


def test_an_operator_searches_among_many(operator):
    for position in range(choice.PER_PAGE + 5):
        make.make_company(f"betrieb-{position:03}")
    wanted = make.make_company("zahnarzt-mitte")

    first = operator.get(CHOOSE).content.decode()
    second = operator.get(CHOOSE, {"page": "2"}).content.decode()
    found = operator.get(CHOOSE, {"q": "zahnarzt"}).content.decode()
    numbered = operator.get(CHOOSE, {"q": str(wanted.number)}).content.decode()

    assert first.count('name="company"') == choice.PER_PAGE + 1
    assert "Betrieb-000" in first
    assert "Zahnarzt-Mitte" not in first
    assert "Zahnarzt-Mitte" in second
    assert "Zahnarzt-Mitte" in found
    assert "Betrieb-000" not in found
    assert "Zahnarzt-Mitte" in numbered
    for query in ({"page": "x"}, {"page": "0"}, {"page": "9" * 30}, {"q": "a\0b"}):
        assert operator.get(CHOOSE, query).status_code == 200


@pytest.mark.parametrize("path", ["/admin/", LIST, "/admin/tenants/branch/"])
@pytest.mark.parametrize("chosen", [False, True])
def test_a_page_asks_as_much_with_many_companies_as_with_one(
    operator, salon, path, chosen
):
    if chosen:
        people.choose(operator, salon)
    operator.get(path)
    with CaptureQueriesContext(connection) as few:
        operator.get(path)
    for position in range(20):
        filled(f"betrieb-{position}", "Carla")

    with CaptureQueriesContext(connection) as many:
        page = operator.get(path).content.decode()

    assert len(many) <= len(few), [query["sql"] for query in many.captured_queries]
    header = page.split("</details>", 1)[0]
    assert "Betrieb-7" not in header


def test_a_member_asks_whose_companies_they_are_once(salon):
    client = people.signed_in(make.make_member(company=salon))
    client.get(LIST)

    with CaptureQueriesContext(connection) as asked:
        client.get(LIST)

    told = [one["sql"] for one in asked if '"tenants_membership"' in one["sql"]]
    assert len(told) == 1
