"""Who comes to the admin of company A: each role, and those who have none there."""

from __future__ import annotations

import re
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from tenants.models import Company
from tests import factories as make

ROLES = ("owner", "desk", "staff", "read_only")
#: Who works in company A.
INSIDE = (*ROLES, "operator")
#: A list that everybody with a role may open.
LIST = "/admin/bookings/customer/"
#: Who may not come in at all.
OUTSIDE = ("stranger", "of_an_inactive_company", "without_staff_status", "nobody")


def signed_in(user: Any, **options: Any) -> Client:
    """Return a browser in which somebody signed in completely: the one way here."""
    if not Authenticator.objects.filter(user=user).exists():
        make.make_second_factor(user)
    client = Client(headers={"accept-language": "de"}, **options)
    client.force_login(user)
    return client


def choose(client: Client, company: Company | None, **more: str) -> Any:
    """Choose a company, as the header's button does."""
    chosen = str(company.pk) if company else "every"
    return client.post(reverse("admin:choose_company"), {"company": chosen} | more)


def of(kind: str, company: Company) -> Client:
    """Return the browser of somebody of this kind."""
    if kind == "nobody":
        return Client(headers={"accept-language": "de"})
    if kind == "operator":
        client = signed_in(make.make_operator())
        assert choose(client, company).status_code == 302
        return client
    if kind == "stranger":
        people = get_user_model().objects
        return signed_in(people.create_user("stranger", is_staff=True))
    if kind == "of_an_inactive_company":
        closed = make.make_company("geschlossen", is_active=False)
        return signed_in(make.make_member(company=closed))
    user = make.make_member(
        company=company, role=kind if kind in ROLES else "owner", first_name="Alma"
    )
    if kind == "without_staff_status":
        user.is_staff = False
        user.save()
    return signed_in(user)


def filled(slug: str, name: str) -> Company:
    """Return a company with a branch, and a customer of this name."""
    company = make.make_company(slug)
    make.make_branch(company=company)
    make.make_customer(company=company, name=name)
    return company


def shown(client: Client, path: str = LIST) -> tuple[Any, set[str]]:
    """Return the company that a page's header names, and which customers it lists."""
    text = client.get(path).content.decode()
    name = re.search(r'id="company-name">([^<]*)<', text)
    return name and name[1], {one for one in ("Anna", "Berta") if one in text}
