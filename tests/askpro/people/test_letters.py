"""What people who sign in get in writing, and what they do with it."""

from __future__ import annotations

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.urls import reverse

from tenants.models import Membership
from tenants.scoping import every_company
from tests import factories as make
from tests.askpro.people.acts import (
    PASSWORD,
    RESET,
    letters,
    link_in,
    person,
    set_password,
    sign_in,
)
from tests.askpro.people.test_second_factor import set_up
from tests.system import eventually

pytestmark = pytest.mark.django_db

NEW = "neu@salon.example"


def invited(client, email, **more):
    """Add a member as the owner does, with what the page's form holds."""
    page = client.get("/admin/tenants/membership/add/")
    fields = {
        one.html_name: one.value() or "" for one in page.context["adminform"].form
    }
    return client.post(
        "/admin/tenants/membership/add/",
        fields | {"email": email, "role": "desk"} | more,
    )


@pytest.fixture
def owner(client, company):
    user = person(company, "owner")
    client.force_login(user)
    return user


def test_a_new_member_sets_a_password_and_works(client, company, owner):
    assert invited(client, NEW).status_code == 302

    (letter,) = letters()
    assert letter.to == [NEW]
    assert letter.subject == "AskPro: Ihr Zugang für Salon"
    assert "Guten Tag" in letter.body
    assert f"Ihr Benutzername ist {NEW}." in letter.body
    user = get_user_model().objects.get(username=NEW)
    assert not user.has_usable_password()
    client.logout()
    done = set_password(client, letter, PASSWORD)
    assert done.url == "/konto/password/reset/key/done/"

    assert sign_in(client, NEW).status_code == 302
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/tenants/membership/").status_code == 403


def test_the_link_of_an_invitation_works_once(client, owner):
    invited(client, NEW)
    client.logout()
    (letter,) = letters()
    set_password(client, letter, PASSWORD)

    again = client.get(link_in(letter), follow=True)

    assert again.redirect_chain == []
    assert "Link" in again.content.decode()


def test_who_is_known_already_is_told_of_the_company(client, owner):
    known = person(make.make_company("praxis"), username="petra@praxis.example")

    invited(client, "petra@praxis.example")

    (letter,) = letters()
    assert letter.to == [known.email]
    assert "http://127.0.0.1:8000/konto/login/" in letter.body
    assert "/password/reset/key/" not in letter.body
    assert get_user_model().objects.filter(username__istartswith="petra").count() == 1


def test_nobody_is_written_to_where_nothing_was_stored(client, company, owner):
    member = person(company)

    for email in (member.email.upper(), "keine-adresse"):
        assert invited(client, email).status_code == 200

    with every_company():
        assert Membership.objects.count() == 2
    assert mail.outbox == []


def test_a_desk_user_invites_nobody(client, company):
    client.force_login(person(company))

    answer = client.post(
        "/admin/tenants/membership/add/", {"email": NEW, "role": "owner"}
    )

    assert answer.status_code == 403
    assert not get_user_model().objects.filter(username=NEW).exists()
    assert mail.outbox == []


def test_a_forgotten_password_is_set_anew_and_other_sessions_end(
    client, client_of, company
):
    user = person(company)
    other = client_of(user)
    assert other.get("/admin/").status_code == 200
    client.post(RESET, {"email": user.email})
    (letter,) = letters()
    assert letter.subject == "AskPro: Ein neues Passwort"
    assert "drei Tage lang" in letter.body

    set_password(client, letter, PASSWORD * 2)

    assert other.get("/admin/").status_code == 302
    assert sign_in(client, user, PASSWORD).status_code == 200
    assert sign_in(client, user, PASSWORD * 2).status_code == 302
    told = letters(2)[1]
    assert told.to == [user.email]
    assert "Ihr Passwort wurde zurückgesetzt" in told.body


def test_a_letter_goes_to_the_stored_address_alone(client, company):
    user = person(company)
    user.email = "kai@salon.example"
    user.save()

    # The first letter is the sign of the unit Kelvin, which small letters make a k.
    client.post(RESET, {"email": "\N{KELVIN SIGN}ai@salon.example"})
    client.post(RESET, {"email": "KAI@salon.example"})

    assert {letter.to[0] for letter in letters()} == {"kai@salon.example"}


def test_a_reset_does_not_spare_the_second_factor(client, company):
    user = person(company)
    make.make_second_factor(user)
    client.post(RESET, {"email": user.email})
    set_password(client, letters()[0], PASSWORD * 2)
    assert client.get("/admin/").status_code == 302

    assert sign_in(client, user, PASSWORD * 2).url == reverse("mfa_authenticate")
    assert client.get("/admin/").status_code == 302


def test_a_letters_link_leads_to_us_whatever_the_request_calls_us(client, company):
    user = person(company)

    client.post(RESET, {"email": user.email}, HTTP_HOST="localhost:6666")

    assert "6666" not in letters()[0].body


def test_a_short_password_is_not_taken(client, company):
    user = person(company)
    client.post(RESET, {"email": user.email})

    refused = set_password(client, letters()[0], "kurz")

    assert refused.status_code == 200
    assert "zu kurz" in refused.content.decode()
    user.refresh_from_db()
    assert user.check_password(PASSWORD)


def test_a_changed_password_ends_the_other_sessions_and_is_told(
    client, client_of, company
):
    user = person(company)
    sign_in(client, user)
    other = client_of(user)
    assert other.get("/admin/").status_code == 200
    page = reverse("account_change_password")
    assert client.get("/admin/password_change/").url == page

    client.post(
        page,
        {
            "oldpassword": PASSWORD,
            "password1": PASSWORD * 2,
            "password2": PASSWORD * 2,
        },
    )

    assert client.get("/admin/").status_code == 200
    assert other.get("/admin/").status_code == 302
    (letter,) = letters()
    assert "Ihr Passwort wurde geändert" in letter.body
    assert client.get("/konto/sessions/").context["session_count"] == 1


def test_each_change_of_a_factor_is_told_in_german_and_without_its_secret(
    client, company
):
    user = person(company)
    sign_in(client, user)

    secret = set_up(client)
    client.post(reverse("mfa_generate_recovery_codes"))
    client.post(reverse("mfa_deactivate_totp"))

    eventually(lambda: len(mail.outbox) == 3)
    assert {letter.to[0] for letter in mail.outbox} == {user.email}
    for letter in mail.outbox:
        assert letter.body.startswith("Guten Tag,")
        assert "127.0.0.1" in letter.body
        assert secret not in letter.body
        for english in ("You", "account", "If ", "Date:", "has been"):
            assert english not in letter.body + letter.subject


def test_sessions_are_listed_and_ended(client_of, company):
    user = person(company)
    here, there = client_of(user), client_of(user)
    strangers = client_of(person(company))
    for client in (here, there, strangers):
        assert client.get("/admin/").status_code == 200
    page = here.get("/konto/sessions/")
    assert page.context["session_count"] == 2
    assert "Sitzungen" in page.content.decode()

    here.post("/konto/sessions/")

    assert there.get("/admin/").status_code == 302
    assert here.get("/admin/").status_code == 200
    assert strangers.get("/admin/").status_code == 200
