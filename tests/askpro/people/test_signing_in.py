"""Signing in and out, and which pages there are."""

from __future__ import annotations

import io
import json

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.urls import reverse

from tenants.models import AuditEntry
from tenants.scoping import every_company
from tests import factories as make
from tests.askpro.people.acts import (
    LOGIN,
    PASSWORD,
    RESET,
    code_of,
    letters,
    person,
    prove,
    set_password,
    sign_in,
)

pytestmark = pytest.mark.django_db


def test_the_admin_leads_to_the_sign_in_and_back(client, company):
    wanted = "/admin/bookings/call/?status=ended"
    asked = client.get(wanted)
    assert asked.status_code == 302
    there = client.get(asked.url, follow=True)
    assert there.redirect_chain[-1][0].startswith(LOGIN)
    page = there.content.decode()
    assert "Anmelden" in page
    assert f'name="next" value="{wanted}"' in page

    back = sign_in(client, person(company), next=wanted)

    assert (back.status_code, back.url) == (302, wanted)
    assert client.get(wanted).status_code == 200


def test_a_second_factor_on_the_way_keeps_the_wanted_page(client, company):
    user = person(company, "owner")
    Authenticator.objects.filter(user=user).delete()
    secret = make.make_second_factor(user)

    asked = sign_in(client, user, next="/admin/bookings/customer/")
    back = client.post(asked.url, {"code": code_of(secret)})

    assert back.url == "/admin/bookings/customer/"
    assert client.get(back.url).status_code == 200


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_nobody_is_led_elsewhere(client, company, elsewhere):
    assert sign_in(client, person(company), next=elsewhere).url == "/admin/"


def test_people_sign_in_by_name_or_address(client, company):
    user = person(company, username="petra")
    user.email = "Petra@salon.example"
    user.save()

    assert sign_in(client, "PETRA@salon.example").status_code == 302
    client.post("/konto/logout/")
    assert client.get("/admin/").status_code == 302
    assert sign_in(client, "petra").status_code == 302


def test_a_link_alone_signs_nobody_out(client, company):
    sign_in(client, person(company))

    assert client.get("/admin/logout/").status_code == 405
    assert client.get("/konto/logout/").status_code == 200
    assert client.get("/admin/").status_code == 200

    assert client.post("/admin/logout/").url == LOGIN
    assert client.get("/admin/").status_code == 302


def test_the_old_address_of_the_sign_in_leads_to_the_new(client):
    led = client.get("/admin/login/?next=/admin/tenants/branch/")

    assert led.url == f"{LOGIN}?next=/admin/tenants/branch/"
    assert client.post("/admin/login/", {"username": "x"}).url.startswith(LOGIN)


@pytest.mark.parametrize(
    "path",
    [
        "signup/",
        "email/",
        "email/verify/",
        "email/confirm/abc/",
        "2fa/trust/",
        "2fa/webauthn/login/",
        "2fa/webauthn/signup/",
        "login/code/",
        "social/",
    ],
)
def test_what_nobody_does_here_has_no_page(client, company, path):
    for _ in ("a stranger", "a person"):
        assert client.get(f"/konto/{path}").status_code == 404
        assert client.post(f"/konto/{path}").status_code == 404
        sign_in(client, person(company))
    assert get_user_model().objects.count() == 2


def test_the_account_begins_with_the_second_factor(client, company):
    assert client.get("/konto/", follow=True).redirect_chain[-1][0].startswith(LOGIN)
    sign_in(client, person(company))

    assert client.get("/konto/").url == reverse("mfa_index")


def test_signed_in_without_a_company_leads_nowhere_and_says_so(client):
    user = get_user_model().objects.create_user("niemand", password=PASSWORD)
    sign_in(client, user)

    answer = client.get("/admin/", follow=True)

    assert answer.status_code == 403
    assert reverse("account_logout") in answer.content.decode()


def test_who_was_switched_off_stays_out(client, company):
    user = person(company)
    user.is_active = False
    user.save()

    assert sign_in(client, user).url == "/konto/inactive/"
    assert "inaktiv" in client.get("/konto/inactive/").content.decode()
    assert client.get("/admin/").status_code == 302


def test_a_request_from_nowhere_signs_in_too(client, company):
    # A server that listens on a UNIX socket knows no address.
    assert sign_in(client, person(company), REMOTE_ADDR="").status_code == 302


def test_signing_in_leaves_a_trail(client, company):
    user = person(company)
    sign_in(client, user, "falsch")
    sign_in(client, user)

    with every_company():
        actions = list(
            AuditEntry.objects.filter(company=company, subject="auth_user")
            .order_by("at")
            .values_list("action", flat=True)
        )
    assert actions[-2:] == ["sign_in_failed", "signed_in"]


def test_the_first_operator_is_made_by_command(client, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command(
        "createsuperuser",
        interactive=False,
        username="chefin",
        email="chefin@askpro.example",
        stdout=io.StringIO(),
    )
    sign_in(client, "chefin")

    assert client.get("/admin/").url == reverse("mfa_activate_totp")
    prove(client)
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})

    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 200


def test_people_of_a_set_up_file_choose_their_password(client, tmp_path):
    file = tmp_path / "setup.json"
    users = [{"email": "Neu@salon.example", "role": "desk"}]
    file.write_text(
        json.dumps({"companies": [{"slug": "salon", "name": "Salon", "users": users}]})
    )
    call_command("import_setup", str(file), stdout=io.StringIO())
    assert sign_in(client, "neu@salon.example", "").status_code == 200

    client.post(RESET, {"email": "neu@Salon.example"})
    set_password(client, letters()[0], PASSWORD)

    assert sign_in(client, "neu@salon.example").status_code == 302
    assert client.get("/admin/").status_code == 200
