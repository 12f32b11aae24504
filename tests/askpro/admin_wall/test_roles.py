"""What each role finds, and what it may ask."""

from __future__ import annotations

import pytest
from django.urls import reverse

from tenants.models import Branch, Membership
from tenants.scoping import every_company
from tests import factories as make
from tests.askpro.admin_wall import people
from tests.askpro.admin_wall.people import filled

pytestmark = pytest.mark.django_db


@pytest.fixture
def salon():
    return filled("salon", "Anna")


@pytest.fixture
def praxis():
    return filled("praxis", "Berta")


@pytest.fixture
def operator():
    return people.signed_in(make.make_operator())


@pytest.fixture
def both(salon, praxis):
    """Somebody who reads in the one and owns the other."""
    user = make.make_member(company=salon, role="read_only")
    with every_company():
        Membership.objects.create(company=praxis, user=user, role="owner")
    return people.signed_in(user)


def pages_of(client):
    found = client.get(reverse("admin:index")).context["app_list"]
    return {
        page["admin_url"].strip("/").split("/")[-1]
        for a in found
        for page in a["models"]
    }


def test_menus_follow_the_role(salon):
    make.make_branch(company=salon, slug="ost")
    menus = {
        role: pages_of(people.signed_in(make.make_member(company=salon, role=role)))
        for role in people.ROLES
    }
    owners = {"apikey", "membership", "auditentry"}

    assert menus["staff"] == {"call", "appointment", "customer", "callback"}
    assert owners <= menus["owner"]
    for role in ("desk", "staff", "read_only"):
        assert not owners & menus[role]
    assert menus["desk"] == menus["read_only"]
    assert "branch" in menus["desk"]
    assert all("user" not in menu for menu in menus.values())


def test_the_search_for_pages_follows_role_and_company(operator, both, salon, praxis):
    path = reverse("admin:search")
    question = {"s": "api"}

    assert "apikey" not in both.get(path, question).content.decode()
    people.choose(both, praxis)
    assert "apikey" in both.get(path, question).content.decode()
    people.choose(both, salon)
    assert "apikey" not in both.get(path, question).content.decode()
    assert "/auth/user/" in operator.get(path, {"s": "benutzer"}).content.decode()
    people.choose(operator, salon)
    assert "/auth/user/" not in operator.get(path, {"s": "benutzer"}).content.decode()
    assert both.get(path, {"s": "a", "page": "x", "extended": "1"}).status_code == 200


def test_read_only_staff_read_no_words_of_callers(salon):
    with every_company():
        branch = Branch.objects.get(company=salon)
    call = make.make_call(branch=branch, transcript="Wort für Wort", summary="kurz")
    path = f"/admin/bookings/call/{call.pk}/change/"
    reader, desk = (
        people.signed_in(make.make_member(company=salon, role=role))
        for role in ("read_only", "desk")
    )

    assert "Wort für Wort" in desk.get(path).content.decode()
    assert "Wort für Wort" not in reader.get(path).content.decode()
    question = "/admin/bookings/call/?transcript__startswith=Wort"
    assert reader.get(question).status_code == 400
    assert desk.get(question).status_code == 200


def test_nobody_asks_a_list_for_a_secret(salon):
    make.make_account(company=salon, api_key="geheim")
    owner = people.signed_in(make.make_member(company=salon))
    page = "/admin/tenants/provideraccount/"

    assert owner.get(f"{page}?provider=calcom").status_code == 200
    for column in ("api_key", "webhook_secret__startswith", "company__slug"):
        assert owner.get(f"{page}?{column}=g").status_code == 400, column
