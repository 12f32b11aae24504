"""Keys in the admin: shown once, for owners alone, of no other company."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tenants import keys
from tenants.models import ApiKey
from tenants.scoping import every_company
from tests import factories as make

pytestmark = pytest.mark.django_db

SHOWN = re.compile(r'id="key"[^>]*>(askpro_test_[0-9a-f_]+)<')


@pytest.fixture(autouse=True)
def _nothing_remembered():
    keys._good.clear()
    keys._bad.clear()


@pytest.fixture
def company():
    return make.make_company("salon")


@pytest.fixture
def other():
    return make.make_company("fremd")


def signed_in(user, language="de"):
    client = Client(headers={"accept-language": language})
    client.force_login(user)
    return client


@pytest.fixture
def owner(company):
    return signed_in(make.make_member(company=company))


@pytest.fixture
def operator():
    return signed_in(make.make_operator())


def url(name, *arguments):
    return reverse(f"admin:tenants_apikey_{name}", args=arguments)


LIST = "/admin/tenants/apikey/"


def stored():
    with every_company():
        return list(ApiKey.objects.order_by("created_at"))


def key_in(page):
    found = SHOWN.findall(page.content.decode())
    assert len(found) == 1, page.content.decode()[:2000]
    return found[0]


def text(page):
    return html.unescape(page.content.decode())


def test_a_new_key_is_shown_in_its_own_answer_and_nowhere_else(owner, company):
    branch = make.make_branch(company=company)
    form = {
        "name": "Assistent",
        "scopes": ["booking", "webhook"],
        "branch": str(branch.pk),
    }

    page = owner.post(url("add"), form)

    plain = key_in(page)
    (row,) = stored()
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    assert "einziges Mal" in text(page)
    assert keys.verify(plain).branch_id == branch.pk
    assert (row.company_id, row.scopes) == (company.pk, ["booking", "webhook"])
    assert row.created_by.username.startswith("owner")
    secret = plain[-64:]
    for later in (owner.get(url("changelist")), owner.get(url("change", row.pk))):
        assert row.prefix in text(later)
        assert secret not in text(later)
        assert bytes(row.digest).hex() not in text(later)
    kept = [str(one.get_decoded()) for one in Session.objects.all()]
    kept += [str(morsel) for morsel in owner.cookies.values()]
    assert secret not in "".join(kept)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"name": ""}, "name"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "10:00"}, "expires_at"),
    ],
)
def test_a_mistake_makes_no_key(owner, change, field):
    form = {"name": "Bot", "scopes": ["rest"]} | change

    page = owner.post(url("add"), form)

    assert field in page.context["adminform"].form.errors
    assert stored() == []


def test_a_branch_of_another_company_cannot_be_chosen(owner, operator, company, other):
    foreign = make.make_branch(company=other, slug="nord")
    own = make.make_branch(company=company)
    form = {"name": "Bot", "scopes": ["rest"], "branch": str(foreign.pk)}

    refused = owner.post(url("add"), form)
    by_operator = operator.post(url("add"), form | {"company": str(company.pk)})
    found = owner.get(
        reverse("admin:autocomplete"),
        {"app_label": "tenants", "model_name": "apikey", "field_name": "branch"},
    ).json()

    for page in (refused, by_operator):
        assert "branch" in page.context["adminform"].form.errors
    assert [one["id"] for one in found["results"]] == [str(own.pk)]
    assert stored() == []


def test_an_operator_makes_a_key_for_the_company_that_she_names(operator, company):
    form = {"name": "Bot", "scopes": ["rest"], "company": str(company.pk)}

    plain = key_in(operator.post(url("add"), form))

    assert keys.verify(plain).company_id == company.pk


@pytest.mark.parametrize("role", ["desk", "staff", "read_only"])
def test_keys_are_the_owners(company, role):
    row, plain = make.make_key(company=company)
    client = signed_in(make.make_member(company=company, role=role))

    for address in ("changelist", "add"):
        assert client.get(url(address)).status_code == 403
    for address in ("change", "rotate", "revoke"):
        assert client.get(url(address, row.pk)).status_code in (403, 404)
        assert client.post(url(address, row.pk)).status_code in (403, 404)

    assert "apikey" not in client.get("/admin/").content.decode()
    assert keys.verify(plain) is not None
    assert len(stored()) == 1


def test_a_key_of_another_company_is_not_there(owner, other):
    row, plain = make.make_key(company=other, name="Fremder")
    theirs = signed_in(make.make_member(company=other))
    assert "Fremder" in text(theirs.get(url("changelist")))

    assert "Fremder" not in text(owner.get(url("changelist")))
    assert "Fremder" not in text(owner.get(url("changelist"), {"q": row.prefix}))
    for address in ("rotate", "revoke"):
        for method in (owner.get, owner.post):
            answer = method(url(address, row.pk), {"overlap": "0"})
            assert answer.status_code == 404
    changed = owner.post(url("change", row.pk), {"name": "Mein", "scopes": ["rest"]})
    assert changed.status_code in (302, 404)

    assert keys.verify(plain) is not None
    assert [(one.name, one.revoked_at) for one in stored()] == [("Fremder", None)]


def test_a_key_is_rotated_and_the_new_one_shown_once(owner, company):
    row, plain = make.make_key(company=company)

    asked = owner.get(url("rotate", row.pk))
    page = owner.post(url("rotate", row.pk), {"overlap": "24"})
    again = owner.post(url("rotate", row.pk), {"overlap": "24"}, follow=True)

    assert "beide gültig" in text(asked)
    assert "no-store" in page["Cache-Control"]
    assert row.prefix in text(page)
    old, new = stored()
    assert keys.verify(key_in(page)).key_id == new.pk
    assert keys.verify(plain) is not None
    left = old.expires_at - timezone.now()
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    assert "Ein anderer Schlüssel" in text(again)
    assert "ersetzt" in text(owner.get(url("changelist")))


@pytest.mark.parametrize("overlap", ["", "-1", "99999", "x"])
def test_an_overlap_that_is_no_choice_rotates_nothing(owner, company, overlap):
    row, _ = make.make_key(company=company)

    owner.post(url("rotate", row.pk), {"overlap": overlap})

    assert [one.pk for one in stored()] == [row.pk]
    assert stored()[0].expires_at is None


def test_a_key_is_revoked_once_that_was_meant(owner, company):
    row, plain = make.make_key(company=company)
    assert keys.verify(plain) is not None

    asked = owner.get(url("revoke", row.pk))
    assert keys.verify(plain) is not None
    done = owner.post(url("revoke", row.pk), follow=True)

    assert "30 Sekunden" in text(asked)
    assert "ist widerrufen" in text(done)
    assert keys.verify(plain) is None
    page = owner.get(url("change", row.pk))
    assert page.status_code == 200
    changed = owner.post(url("change", row.pk), {"name": "x", "scopes": ["rest"]})
    assert changed.status_code == 403
    assert owner.post(url("rotate", row.pk), {"overlap": "0"}).status_code == 404
    assert len(stored()) == 1


def test_nobody_deletes_a_key(owner, company):
    row, _ = make.make_key(company=company)

    assert owner.post(url("delete", row.pk), {"post": "yes"}).status_code == 403
    owner.post(
        url("changelist"),
        {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"},
    )

    assert len(stored()) == 1


def test_the_list_tells_when_and_from_where_a_key_was_used(owner, company):
    used_at = timezone.now() - timedelta(minutes=3, seconds=5)
    row, _ = make.make_key(company=company)
    with every_company():
        ApiKey.objects.update(last_used_at=used_at, last_used_from="203.0.113.9")
    make.make_key(company=company, name="Neu")

    page = text(owner.get(url("changelist")))

    assert re.search(r"<time[^>]*>vor 3 Min\.</time> von 203\.0\.113\.9", page)
    assert "nie" in page
    assert row.prefix in page


def test_without_keys_the_list_says_what_they_are_for(owner, company, other):
    make.make_key(company=other)

    assert "Noch hat keine Maschine" in text(owner.get(url("changelist")))
    make.make_key(company=company)
    assert "Noch hat keine Maschine" not in text(owner.get(url("changelist")))


def test_a_list_of_many_keys_costs_no_query_each(
    owner, company, django_assert_num_queries
):
    make.make_key(company=company)
    owner.get(url("changelist"))  # the session's first request writes it
    with CaptureQueriesContext(connection) as one:
        owner.get(url("changelist"))
    for _ in range(5):
        make.make_key(company=company, branch=None)

    with django_assert_num_queries(len(one)):
        owner.get(url("changelist"))


@pytest.mark.parametrize(
    ("new_days", "old_days", "verdict"),
    [
        (None, 0, "Behalten Sie es: das neue wurde noch nicht benutzt."),
        (0, 0, "Behalten Sie es: es ist noch in Gebrauch."),
        (0, 2, "Es kann vergessen werden."),
        (0, None, "Es kann vergessen werden."),
    ],
)
def test_an_account_tells_whether_the_previous_secret_is_still_needed(
    owner, company, new_days, old_days, verdict
):
    def at(days):
        return None if days is None else timezone.now() - timedelta(days=days)

    account = make.make_account(
        company=company,
        webhook_secret="new",
        webhook_secret_previous="old",
        secret_used_at=at(new_days),
        secret_previous_used_at=at(old_days),
    )

    page = owner.get(reverse("admin:tenants_provideraccount_change", args=[account.pk]))

    assert verdict in text(page)
