"""Signing in: passwords, second factors, sessions, and what a stranger learns."""

from __future__ import annotations

import os
import signal

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.contrib.auth import get_user_model
from django.core import mail
from django.core.cache import cache
from django.urls import reverse

from askpro import embedded
from tenants.models import AuditEntry
from tenants.scoping import every_company
from tests import factories as make

pytestmark = pytest.mark.django_db

PASSWORD = "ein langes Wort mit Zahl 7"
LOGIN = "/konto/login/"


@pytest.fixture(autouse=True)
def _no_limits_reached():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def company():
    return make.make_company("salon")


def person(company, role="desk", **more):
    user = make.make_member(company=company, role=role, **more)
    user.set_password(PASSWORD)
    user.save()
    return user


def code_of(secret):
    return f"{hotp_value(secret, next(iter(yield_hotp_counters_from_time()))):06}"


def sign_in(client, user, password=PASSWORD, **more):
    data = {"login": user if isinstance(user, str) else user.username}
    return client.post(LOGIN, data | {"password": password} | more)


def test_the_admin_leads_to_the_sign_in_and_back(client, company):
    wanted = "/admin/bookings/call/?status=ended"
    asked = client.get(wanted)
    assert asked.status_code == 302
    there = client.get(asked.url, follow=True)
    assert there.redirect_chain[-1][0].startswith(LOGIN)
    assert "Anmelden" in there.content.decode()

    back = sign_in(client, person(company), next=wanted)

    assert (back.status_code, back.url) == (302, wanted)
    assert client.get(wanted).status_code == 200


def test_people_sign_in_by_name_or_address(client, company):
    user = person(company, username="petra")
    user.email = "petra@salon.example"
    user.save()

    assert sign_in(client, "PETRA@salon.example").status_code == 302
    client.post("/konto/logout/")
    assert sign_in(client, "petra").status_code == 302


@pytest.mark.parametrize("role", ["owner", "operator"])
def test_owners_and_operators_need_a_second_factor_first(client, company, role):
    user = make.make_operator() if role == "operator" else person(company, role)
    Authenticator.objects.all().delete()
    user.set_password(PASSWORD)
    user.save()
    sign_in(client, user)

    led = client.get("/admin/")
    assert (led.status_code, led.url) == (302, reverse("mfa_activate_totp"))
    for refused in (
        client.post("/admin/bookings/call/", {"action": "x"}),
        client.get("/admin/autocomplete/", headers={"accept": "application/json"}),
    ):
        assert refused.status_code == 403
        assert "zweiten Faktor" in refused.json()["detail"]

    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"))
    secret = page.context["form"].secret
    assert "Authenticator" in page.content.decode()
    client.post(reverse("mfa_activate_totp"), {"code": code_of(secret)})

    assert client.get("/admin/").status_code == 200
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored


@pytest.mark.parametrize("role", ["desk", "staff", "read_only"])
def test_others_may_do_without(client, company, role):
    sign_in(client, person(company, role))

    assert client.get("/admin/").status_code == 200


def test_whoever_has_a_factor_is_asked_for_it(client, company):
    user = person(company)
    secret = make.make_second_factor(user)

    asked = sign_in(client, user)
    assert asked.url == reverse("mfa_authenticate")
    assert client.get("/admin/").status_code == 302
    wrong = client.post(asked.url, {"code": "000000"})
    assert wrong.status_code == 200
    assert client.get("/admin/").status_code == 302

    client.post(asked.url, {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200


def test_a_required_factor_stays(client, company):
    user = person(company, "owner")
    client.force_login(user)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})

    refused = client.post(reverse("mfa_deactivate_totp"), follow=True)

    assert Authenticator.objects.filter(user=user, type="totp").exists()
    assert "zweiten Faktor" in refused.content.decode()


def test_known_and_unknown_people_hear_the_same(client, company):
    user = person(company)

    known = sign_in(client, user, "falsch")
    unknown = sign_in(client, "niemand@salon.example", "falsch")

    def told(answer):
        text = answer.content.decode()
        for name in (user.username, "niemand@salon.example"):
            text = text.replace(name, "x")
        token = text.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
        return answer.status_code, text.replace(token, "")

    assert told(known) == told(unknown)

    resets = [
        client.post("/konto/password/reset/", {"email": address})
        for address in (user.email, "niemand@salon.example")
    ]
    assert [(one.status_code, one.url) for one in resets] == [
        (302, "/konto/password/reset/done/")
    ] * 2
    assert [message.to for message in mail.outbox] == [[user.email]]


def test_a_forgotten_password_is_set_anew_and_other_sessions_end(
    client, client_of, company
):
    user = person(company)
    other = client_of(user)
    assert other.get("/admin/").status_code == 200
    client.post("/konto/password/reset/", {"email": user.email})
    lines = mail.outbox[0].body.splitlines()
    link = next(line for line in lines if "/password/reset/key/" in line)

    form = client.get(link.removeprefix("http://testserver").strip(), follow=True)
    client.post(
        form.redirect_chain[-1][0],
        {"password1": PASSWORD * 2, "password2": PASSWORD * 2},
    )

    assert other.get("/admin/").status_code == 302
    assert sign_in(client, user, PASSWORD * 2).status_code == 302


@pytest.fixture
def client_of():
    from django.test import Client

    def made(user):
        client = Client()
        sign_in(client, user)
        return client

    return made


def test_sessions_are_listed_and_ended(client_of, company):
    user = person(company)
    here, there = client_of(user), client_of(user)
    for client in (here, there):
        assert client.get("/admin/").status_code == 200
    assert UserSession.objects.filter(user=user).count() == 2
    assert "Sitzungen" in here.get("/konto/sessions/").content.decode()

    here.post("/konto/sessions/")

    assert there.get("/admin/").status_code == 302
    assert here.get("/admin/").status_code == 200


def test_too_many_tries_are_slowed_down_and_tell_nothing(client, company):
    user = person(company)
    answers = [sign_in(client, user, "falsch") for _ in range(8)]
    strangers = [sign_in(client, "niemand@x.example", "falsch") for _ in range(8)]

    assert [one.status_code for one in answers] == [
        one.status_code for one in strangers
    ]
    assert sign_in(client, user).status_code == 200, "also the right one waits"
    assert client.get("/admin/").status_code == 302


def test_people_sign_in_while_redis_is_away(client, company):
    user = person(company)
    pid = embedded.pids(embedded.var_folder())["redis"]
    os.kill(pid, signal.SIGSTOP)
    try:
        assert sign_in(client, user).status_code == 302
        assert client.get("/admin/").status_code == 200
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("path", ["signup/", "email/", "email/verify/"])
def test_what_nobody_does_here_has_no_page(client, path):
    assert client.get(f"/konto/{path}").status_code == 404
    assert client.post(f"/konto/{path}").status_code == 404


def test_signed_in_without_a_company_leads_nowhere_and_says_so(client):
    user = get_user_model().objects.create_user("niemand", password=PASSWORD)
    sign_in(client, user)

    answer = client.get("/admin/", follow=True)

    assert answer.status_code == 403


def test_a_new_member_is_written_to(client, company):
    owner = person(company, "owner")
    client.force_login(owner)

    client.post(
        "/admin/tenants/membership/add/",
        {"email": "neu@salon.example", "role": "desk"} | bound(client),
    )

    (letter,) = mail.outbox
    assert letter.to == ["neu@salon.example"]
    assert "/konto/password/reset/key/" in letter.body
    user = get_user_model().objects.get(username="neu@salon.example")
    assert not user.has_usable_password()


def bound(client):
    """Return the hidden fields of the form that the page holds."""
    page = client.get("/admin/tenants/membership/add/").content.decode()
    found = {}
    for part in page.split("<input")[1:]:
        tag = part.split(">")[0]
        if 'type="hidden"' in tag and 'name="' in tag and 'value="' in tag:
            name = tag.split('name="')[1].split('"')[0]
            found[name] = tag.split('value="')[1].split('"')[0]
    return found


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


def test_a_lost_factor_is_taken_away_by_command(client_of, company):
    from django.core.management import call_command

    user = person(company)
    client = client_of(user)
    assert client.get("/admin/").status_code == 200
    make.make_second_factor(user)

    call_command("second_factor_reset", user.username)

    assert not Authenticator.objects.filter(user=user).exists()
    assert client.get("/admin/").status_code == 302
    with every_company():
        entry = AuditEntry.objects.get(company=company, action="second_factor")
    assert entry.changes == {"factors": [1, 0]}


def test_a_link_alone_signs_nobody_out(client, company):
    sign_in(client, person(company))

    assert client.get("/admin/logout/").status_code == 405
    assert client.get("/admin/").status_code == 200

    assert client.post("/admin/logout/").url == LOGIN
    assert client.get("/admin/").status_code == 302
