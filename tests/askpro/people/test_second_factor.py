"""The second factor: who must have one, and how it comes and goes."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core.management import CommandError, call_command
from django.urls import reverse

from tenants.models import AuditEntry, Membership
from tenants.scoping import every_company
from tests import factories as make
from tests.askpro.admin_wall import pages
from tests.askpro.people.acts import (
    PASSWORD,
    code_of,
    letters,
    person,
    prove,
    sign_in,
)

pytestmark = pytest.mark.django_db

SET_UP = "/konto/2fa/totp/activate/"
NEEDED = "Inhaber und Betreiber brauchen einen zweiten Faktor"


def without_factor(company, role):
    user = make.make_operator() if role == "operator" else person(company, role)
    Authenticator.objects.filter(user=user).delete()
    user.set_password(PASSWORD)
    user.save()
    return user


def set_up(client):
    """Set an app up; return its secret."""
    prove(client)
    secret = client.get(SET_UP).context["form"].secret
    client.post(SET_UP, {"code": code_of(secret)})
    return secret


def make_key(user):
    """Give somebody a security key."""
    data = {"name": "Schlüssel", "credential": {}, "passwordless": False}
    return Authenticator.objects.create(user=user, type="webauthn", data=data)


@pytest.mark.parametrize("role", ["owner", "operator"])
def test_owners_and_operators_need_one_first(client, company, role):
    sign_in(client, without_factor(company, role))

    led = client.get("/admin/")
    assert (led.status_code, led.url) == (302, SET_UP)
    prove(client)
    assert NEEDED in client.get(SET_UP).content.decode()

    secret = set_up(client)

    assert client.get("/admin/").status_code == 200
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored


@pytest.mark.parametrize("role", ["owner", "operator"])
def test_no_address_of_the_admin_answers_before(client, company, role):
    sign_in(client, without_factor(company, role))

    for route in pages.routes():
        path = pages.PARAMETER.sub("1", route.path).replace("<anything>", "x")
        if path in ("/admin/login/", "/admin/logout/", "/admin/jsi18n/"):
            continue
        answer = client.get(path)
        assert (answer.status_code, answer.url) == (302, SET_UP), path
        for refused in (
            client.post(path, {"action": "export", "company": str(company.pk)}),
            client.get(path, headers={"accept": "application/json"}),
        ):
            assert refused.status_code == 403, path
            assert "zweiten Faktor" in refused.json()["detail"]


@pytest.mark.parametrize("role", ["desk", "staff", "read_only"])
def test_others_may_do_without(client, company, role):
    sign_in(client, person(company, role))

    assert client.get("/admin/").status_code == 200


def test_an_owner_of_any_company_needs_one_in_every_company(client, company):
    user = person(company, "desk")
    with every_company():
        Membership.objects.create(
            company=make.make_company("praxis"), user=user, role="owner"
        )
    sign_in(client, user)

    assert client.get("/admin/").url == SET_UP


def test_who_becomes_an_owner_needs_one_from_then_on(client, company):
    user = person(company, "desk")
    sign_in(client, user)
    assert client.get("/admin/").status_code == 200

    with every_company():
        Membership.objects.filter(user=user).update(role="owner")

    assert client.get("/admin/").url == SET_UP


def test_whoever_has_one_is_asked_for_it(client, company):
    user = person(company)
    secret = make.make_second_factor(user)

    asked = sign_in(client, user)
    assert asked.url == reverse("mfa_authenticate")
    assert client.get("/admin/").status_code == 302
    wrong = client.post(asked.url, {"code": "000000"})
    assert wrong.status_code == 200
    assert "Falscher Code" in wrong.content.decode()
    assert client.get("/admin/").status_code == 302

    client.post(asked.url, {"code": code_of(secret)})
    assert client.get("/admin/").status_code == 200


def test_a_code_works_once(client, client_of, company):
    user = person(company)
    code = code_of(make.make_second_factor(user))
    sign_in(client, user)
    client.post(reverse("mfa_authenticate"), {"code": code})
    assert client.get("/admin/").status_code == 200

    other = client_of(user)
    other.post(reverse("mfa_authenticate"), {"code": code})

    assert other.get("/admin/").status_code == 302


def test_a_recovery_code_helps_once(client, client_of, company):
    user = person(company)
    sign_in(client, user)
    set_up(client)
    codes = client.get(reverse("mfa_view_recovery_codes")).context["unused_codes"]
    assert len(codes) == 10
    for browser, comes_in in ((client_of(user), True), (client_of(user), False)):
        browser.post(reverse("mfa_authenticate"), {"code": codes[0]})
        assert (browser.get("/admin/").status_code == 200) == comes_in


def test_the_first_factor_ends_sessions_that_had_none(client_of, company):
    user = person(company)
    mine, thief = client_of(user), client_of(user)
    assert thief.get("/admin/").status_code == 200

    set_up(mine)

    assert thief.get("/admin/").status_code == 302
    assert mine.get("/admin/").status_code == 200


# --- going ---------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["owner", "operator"])
def test_a_required_app_stays(client, company, role):
    user = without_factor(company, role)
    make.make_second_factor(user)
    client.force_login(user)
    prove(client)

    refused = client.post(reverse("mfa_deactivate_totp"), follow=True)

    assert Authenticator.objects.filter(user=user, type="totp").exists()
    assert NEEDED in refused.content.decode()


def test_a_required_key_stays(client, company):
    user = without_factor(company, "owner")
    key = make_key(user)
    client.force_login(user)
    prove(client)

    refused = client.post(reverse("mfa_remove_webauthn", args=[key.pk]), follow=True)

    assert Authenticator.objects.filter(pk=key.pk).exists()
    assert NEEDED in refused.content.decode()


def test_one_of_two_may_go(client, company):
    user = without_factor(company, "owner")
    key = make_key(user)
    make.make_second_factor(user)
    client.force_login(user)
    prove(client)
    assert client.get("/admin/").status_code == 200

    client.post(reverse("mfa_remove_webauthn", args=[key.pk]))

    assert [one.type for one in Authenticator.objects.filter(user=user)] == ["totp"]
    client.post(reverse("mfa_deactivate_totp"))
    assert Authenticator.objects.filter(user=user).count() == 1


def test_nobody_removes_the_key_of_somebody_else(client, company):
    key = make_key(person(company))
    client.force_login(person(company))
    prove(client)

    answer = client.post(reverse("mfa_remove_webauthn", args=[key.pk]))

    assert answer.status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


def test_who_need_not_have_one_may_give_it_up(client, company):
    user = person(company)
    make.make_second_factor(user)
    client.force_login(user)
    prove(client)

    client.post(reverse("mfa_deactivate_totp"))

    assert not Authenticator.objects.filter(user=user).exists()


def test_without_the_password_nothing_changes(client, company):
    user = person(company)
    make.make_second_factor(user)
    client.force_login(user)

    for page in ("mfa_deactivate_totp", "mfa_generate_recovery_codes"):
        asked = client.post(reverse(page))
        assert "reauthenticate" in asked.url

    assert [one.type for one in Authenticator.objects.all()] == ["totp"]


# --- lost ----------------------------------------------------------------------------


@pytest.fixture
def operator(client):
    """An operator, signed in."""
    user = make.make_operator()
    user.set_password(PASSWORD)
    user.save()
    client.force_login(user)
    return user


def reset_page(user):
    return f"/admin/auth/user/{user.pk}/reset-second-factor/"


def test_an_operator_resets_a_lost_factor_with_a_reason(
    client, client_of, company, operator
):
    user = person(company)
    theirs = client_of(user)
    make.make_second_factor(user)
    page = client.get(f"/admin/auth/user/{user.pk}/change/").content.decode()
    assert "Zweiten Faktor zurücksetzen" in page

    assert (
        "reauthenticate"
        in client.get(reset_page(user), follow=True).redirect_chain[-1][0]
    )
    prove(client)
    assert "Grund" in client.get(reset_page(user), follow=True).content.decode()
    assert client.post(reset_page(user), {"reason": " "}).status_code == 200
    assert Authenticator.objects.filter(user=user).exists()
    client.post(reset_page(user), {"reason": "Telefon verloren, Rückruf geprüft"})

    assert not Authenticator.objects.filter(user=user).exists()
    assert not UserSession.objects.filter(user=user).exists()
    assert theirs.get("/admin/").status_code == 302
    with every_company():
        entry = AuditEntry.objects.get(company=company, action="second_factor")
    assert (entry.actor_name, entry.subject_id) == (operator.username, str(user.pk))
    assert entry.changes == {
        "factors": [1, 0],
        "reason": [None, "Telefon verloren, Rückruf geprüft"],
    }
    assert "zweiter Faktor wurde zurückgesetzt" in letters()[-1].subject
    told = client.get("/admin/tenants/auditentry/").content.decode()
    assert "hat den zweiten Faktor von" in told
    assert "Grund – → Telefon verloren" in told


@pytest.mark.parametrize("role", ["owner", "desk"])
def test_nobody_else_resets_a_factor(client, company, role):
    there = make.make_company("praxis")
    victims = [person(company), person(there, "owner"), make.make_operator()]
    make.make_second_factor(victims[0])
    client.force_login(person(company, role))
    prove(client)

    for victim in victims:
        for answer in (
            client.get(reset_page(victim), follow=True),
            client.post(reset_page(victim), {"reason": "x"}),
        ):
            assert answer.status_code in (403, 404)
        assert Authenticator.objects.filter(user=victim).exists()
    with every_company():
        assert not AuditEntry.objects.filter(action="second_factor").exists()


def test_an_operator_resets_no_factor_of_his_own(client, operator):
    prove(client)

    answer = client.post(reset_page(operator), {"reason": "x"})

    assert answer.url == reverse("mfa_index")
    assert Authenticator.objects.filter(user=operator).exists()


def test_a_lost_factor_is_taken_away_by_command(client_of, company):
    user = person(company)
    client = client_of(user)
    make.make_second_factor(user)

    call_command("second_factor_reset", user.username, reason="Telefon verloren")

    assert not Authenticator.objects.filter(user=user).exists()
    assert client.get("/admin/").status_code == 302
    with every_company():
        entry = AuditEntry.objects.get(company=company, action="second_factor")
    assert entry.changes == {
        "factors": [1, 0],
        "reason": [None, "Telefon verloren"],
    }
    assert letters()[0].to == [user.email]


def test_the_command_wants_a_reason_and_a_person(company):
    user = person(company)
    make.make_second_factor(user)

    with pytest.raises(CommandError, match="reason"):
        call_command("second_factor_reset", user.username)
    with pytest.raises(CommandError, match="Nobody"):
        call_command("second_factor_reset", "niemand", reason="x")

    assert Authenticator.objects.filter(user=user).exists()


# --- the demo ------------------------------------------------------------------------


def test_the_demo_asks_for_none_on_its_own_machine_alone(client, company, settings):
    settings.ASKPRO_MODE = "demo"
    sign_in(client, without_factor(company, "operator"))

    assert client.get("/admin/").status_code == 200
    for elsewhere in (
        {"REMOTE_ADDR": "192.0.2.7"},
        {"HTTP_X_FORWARDED_FOR": "192.0.2.7"},
    ):
        assert client.get("/admin/", **elsewhere).url == SET_UP
