"""What somebody who is not signed in learns: nothing, and slowly."""

from __future__ import annotations

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.urls import reverse

from tenants import redis
from tenants.models import AuditEntry
from tenants.scoping import every_company
from tests import factories as make
from tests.askpro.people.acts import (
    LOGIN,
    PASSWORD,
    RESET,
    code_of,
    hanging_redis,
    letters,
    person,
    prove,
    set_password,
    sign_in,
)
from tests.askpro.people.hashers import Counting
from tests.system import eventually

pytestmark = pytest.mark.django_db

STRANGER = "niemand@salon.example"


def told(answer, *names):
    """Return what an answer says, without what the asker wrote and what is random."""
    text = answer.content.decode()
    for name in names:
        text = text.replace(name, "x")
    if 'csrfmiddlewaretoken" value="' in text:
        token = text.split('csrfmiddlewaretoken" value="')[1].split('"')[0]
        text = text.replace(token, "")
    told = {
        name: said
        for name, said in answer.headers.items()
        if name not in ("Expires", "Content-Length")
    }
    return answer.status_code, text, told


# --- known or not --------------------------------------------------------------------


@pytest.mark.parametrize("state", ["known", "invited", "switched off"])
def test_a_wrong_password_says_the_same_of_everybody(client, company, state):
    user = person(company)
    if state == "invited":
        user.set_unusable_password()
    user.is_active = state != "switched off"
    user.save()

    known = sign_in(client, user, "falsch")
    unknown = sign_in(client, STRANGER, "falsch")

    assert known.status_code == 200
    assert told(known, user.username) == told(unknown, STRANGER)


@pytest.mark.parametrize("username", ["petra", "petra@salon.example"])
@pytest.mark.parametrize("name", ["petra", "petra@salon.example"])
def test_a_wrong_password_is_worked_on_as_long_for_everybody(
    client, company, settings, username, name
):
    settings.PASSWORD_HASHERS = ["tests.askpro.people.hashers.Counting"]
    user = person(company, username=username)
    user.email = "petra@salon.example"
    user.save()

    def worked(name):
        Counting.worked.clear()
        assert sign_in(client, name, "falsch").status_code == 200
        return len(Counting.worked)

    assert worked(name) == worked(name.replace("petra", "niemand")) == 1


def test_a_reset_says_the_same_of_everybody(client, company):
    user = person(company)

    known = client.post(RESET, {"email": user.email})
    unknown = client.post(RESET, {"email": STRANGER})

    assert known.status_code == 302
    assert told(known) == told(unknown)
    assert told(client.get(known.url)) == told(client.get(unknown.url))
    assert [letter.to for letter in letters()] == [[user.email]]


class Away(BaseEmailBackend):
    """A mail server that is away."""

    asked = 0

    def send_messages(self, messages):
        type(self).asked += 1
        raise ConnectionRefusedError


def test_a_mail_server_that_is_away_tells_nothing(client, company, settings, caplog):
    settings.EMAIL_BACKEND = f"{__name__}.Away"
    user = person(company)

    known = client.post(RESET, {"email": user.email})
    unknown = client.post(RESET, {"email": STRANGER})

    assert told(known) == told(unknown)
    eventually(lambda: "a letter was not sent" in caplog.text)
    assert Away.asked == 1
    assert user.email not in caplog.text


def test_an_owner_does_not_learn_whom_other_companies_know(client, company):
    elsewhere = person(make.make_company("praxis"), username="petra@praxis.example")
    client.force_login(person(company, "owner"))

    def added(email):
        page = client.get("/admin/tenants/membership/add/")
        fields = {
            one.html_name: one.value() or "" for one in page.context["adminform"].form
        }
        sent = client.post(
            "/admin/tenants/membership/add/", fields | {"email": email, "role": "desk"}
        )
        shown = client.get(sent.url).content.decode()
        return sent.status_code, sent.url, f"{email} bekommt eine E-Mail" in shown

    known, unknown = added("Petra@praxis.example"), added(STRANGER)

    assert known == unknown == (302, "/admin/tenants/membership/", True)
    assert {letter.to[0] for letter in letters(2)} == {STRANGER, elsewhere.email}


# --- limits --------------------------------------------------------------------------


def test_too_many_tries_of_one_name_end_in_a_page_that_tells_nothing(client, company):
    user = person(company)

    known = [sign_in(client, user, "falsch") for _ in range(7)]
    unknown = [sign_in(client, STRANGER, "falsch") for _ in range(7)]

    assert [one.status_code for one in known] == [200] * 5 + [429] * 2
    assert [one.status_code for one in unknown] == [200] * 5 + [429] * 2
    assert told(known[-1]) == told(unknown[-1])
    page = known[-1].content.decode()
    assert "Zu viele Versuche" in page
    assert "Warten Sie einige Minuten" in page
    assert user.username not in page
    # The right password waits too, else the limit would tell which one it is.
    assert sign_in(client, user).status_code == 429
    assert client.get("/admin/").status_code == 302
    with every_company():
        assert not AuditEntry.objects.filter(action="signed_in").exists()


def test_one_persons_limit_is_nobody_elses(client, company):
    locked, free = person(company), person(company)
    for _ in range(6):
        sign_in(client, locked, "falsch", REMOTE_ADDR="192.0.2.1")

    assert sign_in(client, free, REMOTE_ADDR="192.0.2.2").status_code == 302


def test_another_port_in_the_address_begins_no_new_count(client, company):
    user = person(company)

    answers = [
        sign_in(client, user, "falsch", HTTP_HOST=f"localhost:{port}")
        for port in range(8001, 8008)
    ]

    assert [one.status_code for one in answers] == [200] * 5 + [429] * 2


def test_too_many_tries_from_one_address_wait(client, company, settings):
    settings.TRUSTED_PROXY_COUNT = 1

    def tried(address, count):
        return [
            sign_in(
                client,
                f"{number}@x.example",
                "falsch",
                HTTP_X_FORWARDED_FOR=f"{number}.6.6.6, {address}",
            ).status_code
            for number in range(count)
        ]

    # What stands before the proxy's own word is the client's invention.
    assert tried("192.0.2.1", 22) == [200] * 20 + [429] * 2
    assert (
        sign_in(
            client, "neu@x.example", "falsch", HTTP_X_FORWARDED_FOR="192.0.2.2"
        ).status_code
        == 200
    )


def test_a_household_has_a_whole_network_of_addresses(client, settings):
    answers = [
        sign_in(client, f"{number}@x.example", "x", REMOTE_ADDR=f"2001:db8::{number}")
        for number in range(1, 23)
    ]

    assert [one.status_code for one in answers] == [200] * 20 + [429] * 2


def test_too_many_letters_are_not_asked_for(client, company):
    user = person(company)

    known = [client.post(RESET, {"email": user.email}) for _ in range(4)]
    unknown = [client.post(RESET, {"email": STRANGER}) for _ in range(4)]

    assert [one.status_code for one in known] == [302] * 3 + [429]
    assert [one.status_code for one in unknown] == [302] * 3 + [429]
    assert told(known[-1]) == told(unknown[-1])
    assert len(letters(3)) == 3


def test_too_many_codes_wait(client, company):
    user = person(company)
    secret = make.make_second_factor(user)
    sign_in(client, user)
    codes = [
        client.post(reverse("mfa_authenticate"), {"code": f"00000{number}"})
        for number in range(7)
    ]

    assert [one.status_code for one in codes] == [200] * 5 + [429] * 2
    assert "Zu viele Versuche" in codes[-1].content.decode()
    right = client.post(reverse("mfa_authenticate"), {"code": code_of(secret)})
    assert right.status_code == 429
    assert client.get("/admin/").status_code == 302


def test_too_many_proofs_wait(client, company):
    sign_in(client, person(company))

    answers = [prove(client, "falsch").status_code for _ in range(7)]

    assert answers == [200] * 5 + [429] * 2
    assert prove(client).status_code == 429


def test_a_new_password_ends_the_wait(client, company):
    user = person(company)
    for _ in range(6):
        sign_in(client, user, "falsch")
    assert sign_in(client, user).status_code == 429

    client.post(RESET, {"email": user.email})
    set_password(client, letters()[0], PASSWORD * 2)

    assert sign_in(client, user, PASSWORD * 2).status_code == 302


def test_every_process_counts_together_in_redis(client, company):
    sign_in(client, STRANGER, "falsch")

    counted = list(redis.client().scan_iter("*allauth:rl:*"))

    assert len(counted) == 3, "the address, its failures, the name's failures"
    assert all(0 < redis.client().ttl(key) <= 300 for key in counted)
    assert not any(STRANGER.encode() in key for key in counted)


# --- Redis is away -------------------------------------------------------------------


def test_people_sign_in_while_redis_hangs(client, company):
    user = person(company)
    secret = make.make_second_factor(user)

    with hanging_redis():
        asked = sign_in(client, user)
        client.post(asked.url, {"code": code_of(secret)})
        assert client.get("/admin/").status_code == 200


def test_tries_are_counted_while_redis_hangs(client, company):
    user = person(company)

    with hanging_redis():
        answers = [sign_in(client, user, "falsch").status_code for _ in range(7)]
        assert sign_in(client, user).status_code == 429

    # This process' own count takes over.
    assert answers == [200] * 5 + [429] * 2
    assert client.get("/admin/").status_code == 302


def test_nothing_is_sent_by_looking_alone(client):
    client.get(RESET)
    client.get(LOGIN)

    assert mail.outbox == []
