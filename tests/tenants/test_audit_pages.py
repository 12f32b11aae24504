"""The trail as owners read it: in words, by filter and search, within the wall."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from askpro import correlation
from askpro.actor import Actor, acting
from bookings.models import Customer
from tenants import audit, audit_words
from tenants.admin_audit import MOST_PAGED, SUBJECTS
from tenants.models import AuditEntry, Branch
from tenants.scoping import every_company, scope
from tests import factories as make
from webhooks.models import WebhookBody, WebhookLog

pytestmark = pytest.mark.django_db

LIST = "/admin/tenants/auditentry/"


def signed_in(user) -> Client:
    client = Client(headers={"accept-language": "de"})
    client.force_login(user)
    return client


def text(response) -> str:
    """Return what is read on a page, without markup and double spaces."""
    assert response.status_code == 200, response.status_code
    body = response.content.decode()
    body = re.sub(r"<(script|style|head).*?</\1>", " ", body, flags=re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split()).replace("&quot;", '"')


@pytest.fixture
def salon(_django_db_helper):
    return make.make_company("salon")


@pytest.fixture
def garage(_django_db_helper):
    return make.make_company("werkstatt")


@pytest.fixture
def petra(salon):
    return make.make_member(
        company=salon,
        username="petra@salon.example",
        first_name="Petra",
        last_name="Sommer",
    )


@pytest.fixture
def branch(salon, petra):
    """A branch that Petra has changed."""
    branch = make.make_branch(company=salon, name="Mitte", minimum_notice_min=60)
    who = Actor("person", petra.username, "192.0.2.7")
    with scope(salon.pk), acting(who), correlation.bound("call_1"):
        Branch.objects.update(minimum_notice_min=120)
    return branch


def entry_of(**which) -> AuditEntry:
    with every_company():
        return AuditEntry.objects.filter(**which).latest("at")


def page_of(entry: AuditEntry) -> str:
    return reverse("admin:tenants_auditentry_change", args=[entry.pk])


def test_an_entry_is_a_sentence(petra, branch):
    listed = text(signed_in(petra).get(LIST, {"action": "changed"}))

    assert (
        "Petra Sommer (Inhaber) hat Filiale „Mitte“ geändert:"
        " Mindestvorlauf in Minuten 60 → 120" in listed
    )
    assert "192.0.2.7" in listed
    assert "call_1" in listed


def test_an_entrys_page_shows_old_and_new_and_links_to_the_row(petra, branch):
    entry = entry_of(action="changed")
    page = signed_in(petra).get(page_of(entry))

    assert "Mindestvorlauf in Minuten 60 120" in text(page)
    link = reverse("admin:tenants_branch_change", args=[branch.pk])
    assert f'href="{link}"' in page.content.decode()


def test_what_is_hidden_is_told_as_changed_only(salon, petra):
    customer = make.make_customer(company=salon, name="Maria Muster", phone="+4930111")
    pk = str(customer.pk)
    with scope(salon.pk):
        Customer.objects.update(phone="+4930222")
        customer.delete()
    client = signed_in(petra)

    assert "Telefon nicht aufgezeichnet" in text(
        client.get(page_of(entry_of(subject="bookings_customer", action="changed")))
    )
    listed = text(client.get(LIST, {"subject": "bookings_customer"}))
    assert f"Kunde {pk[:8]}… gelöscht" in listed
    assert "Maria" not in listed
    assert "+4930" not in listed


def test_only_owners_and_operators_read_the_trail(salon, branch):
    entry = entry_of(action="changed")
    for role in ("desk", "staff", "read_only"):
        client = signed_in(make.make_member(company=salon, role=role))
        history = reverse("admin:tenants_branch_history", args=[branch.pk])
        assert client.get(LIST).status_code == 403
        assert client.get(page_of(entry)).status_code == 403
        assert client.get(history).status_code == 404
        assert LIST not in client.get("/admin/").content.decode()
    assert signed_in(make.make_operator()).get(page_of(entry)).status_code == 200


def test_another_companys_trail_is_not_there(garage, branch):
    entry = entry_of(action="changed")
    client = signed_in(make.make_member(company=garage))

    assert client.get(page_of(entry)).status_code in (302, 404)
    assert "Mitte" not in text(client.get(LIST))
    for term in (str(entry.pk), "call_1", "petra", "Sommer", str(branch.pk)):
        assert "Mitte" not in text(client.get(LIST, {"q": term}))
    history = reverse("admin:tenants_branch_history", args=[branch.pk])
    assert client.get(history).status_code == 404


def test_nobody_changes_an_entry(branch):
    entry = entry_of(action="changed")
    client = signed_in(make.make_operator())

    for page in ("add/", f"{entry.pk}/delete/"):
        assert client.post(f"{LIST}{page}").status_code == 403
    assert client.post(page_of(entry), {"actor_name": "x"}).status_code == 403
    assert entry_of(action="changed").actor_name == entry.actor_name


@pytest.mark.parametrize("by", ["id", "row", "correlation", "login", "name"])
def test_an_entry_is_found_by(by, petra, branch):
    entry = entry_of(action="changed")
    term = {
        "id": str(entry.pk),
        "row": str(branch.pk),
        "correlation": "call_1",
        "login": "petra@",
        "name": "Sommer",
    }[by]

    assert "120" in text(signed_in(petra).get(LIST, {"q": term}))
    assert "120" not in text(signed_in(petra).get(LIST, {"q": term + "x"}))


def test_filters_narrow_the_list(petra, branch):
    client = signed_in(petra)
    for query in (
        {"action": "changed"},
        {"subject": "tenants_branch"},
        {"actor": "person", "action": "changed"},
        {"days": "1"},
        {"days": "30"},
    ):
        assert "60 → 120" in text(client.get(LIST, query)), query
    for query in (
        {"action": "deleted"},
        {"subject": "tenants_staff"},
        {"actor": "key"},
        {"days": "old"},
    ):
        assert "60 → 120" not in text(client.get(LIST, query)), query


def test_a_rows_own_history_is_beside_its_form(petra, branch):
    client = signed_in(petra)
    history = reverse("admin:tenants_branch_history", args=[branch.pk])
    form = reverse("admin:tenants_branch_change", args=[branch.pk])

    assert history in client.get(form).content.decode()
    told = text(client.get(history))
    assert told.index("60 → 120") < told.index("hat Filiale „Mitte“ angelegt")


def test_a_companys_history_is_its_own(salon, petra):
    history = reverse("admin:tenants_company_history", args=[salon.pk])

    assert "Firma „Salon“ angelegt" in text(signed_in(petra).get(history))


def test_what_is_not_audited_has_no_history():
    operator = make.make_operator()
    client = signed_in(operator)

    history = reverse("admin:auth_user_history", args=[operator.pk])
    assert client.get(history).status_code == 404


def test_a_list_asks_as_often_for_many_entries_as_for_one(salon, petra, branch):
    client = signed_in(petra)

    def asked() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(LIST, {"subject": "tenants_branch", "action": "changed"})
        return len(asked)

    asked()  # the first page of a session asks for more
    few = asked()
    for minutes in range(30):
        other = make.make_branch(company=salon, slug=f"b{minutes}")
        with scope(salon.pk), acting(Actor("person", petra.username)):
            Branch.objects.filter(pk=other.pk).update(minimum_notice_min=minutes)

    assert asked() == few


def test_a_page_counts_no_more_entries_than_can_be_paged_through(petra, branch):
    client = signed_in(petra)

    with CaptureQueriesContext(connection) as asked:
        client.get(LIST)

    counts = [
        query["sql"]
        for query in asked
        if "COUNT(*)" in query["sql"] and "auditentry" in query["sql"]
    ]
    assert len(counts) == 1
    assert f"LIMIT {MOST_PAGED}" in counts[0]


def test_every_kind_of_entry_is_said_in_words(salon, petra):
    for action in audit.Action:
        audit.record(action, company_id=salon.pk, subject="customers")

    with scope(salon.pk):
        words = audit_words.Words(AuditEntry.objects.all())
        said = [words.sentence(entry) for entry in words.entries]

    assert len(said) >= len(audit.Action.values)
    assert not [one for one in said if "%" in one or not one.strip()]
    assert set(audit_words._templates()) == set(audit.Action)


def test_every_audited_table_can_be_chosen():
    from tests.tenants.test_audit_triggers import _triggers

    assert set(SUBJECTS) == {*_triggers(), "auth_user"}


def test_what_a_person_changes_in_the_browser_is_that_persons_doing(salon, petra):
    client = signed_in(petra)
    branch = make.make_branch(company=salon)
    number = {"number": "+493012345678", "branch": branch.pk, "is_active": "on"}

    client.post(
        reverse("admin:tenants_phonenumber_add"), number, REMOTE_ADDR="192.0.2.8"
    )

    entry = entry_of(subject="tenants_phonenumber")
    assert (entry.actor, entry.actor_name, entry.address) == (
        "person",
        petra.username,
        "192.0.2.8",
    )


# --- readings ----------------------------------------------------------------------


def readings() -> list[tuple[UUID | None, str, str]]:
    with every_company():
        return [
            (entry.company_id, entry.subject, entry.subject_id)
            for entry in AuditEntry.objects.filter(action="read")
        ]


def test_opening_a_transcript_is_written_down_once_a_view(salon, petra, branch):
    call = make.make_call(branch=branch, transcript="Agent: Guten Tag")
    silent = make.make_call(branch=branch)
    client = signed_in(petra)

    client.get("/admin/bookings/call/")
    client.get(reverse("admin:bookings_call_change", args=[silent.pk]))
    assert readings() == []
    page = reverse("admin:bookings_call_change", args=[call.pk])
    assert "Guten Tag" in text(client.get(page))
    assert readings() == [(salon.pk, "bookings_call", str(call.pk))]
    assert entry_of(action="read").actor_name == petra.username
    client.get(page)
    assert len(readings()) == 2


def test_a_transcript_that_is_refused_is_not_written_down(garage, branch):
    call = make.make_call(branch=branch, transcript="Agent: Guten Tag")
    client = signed_in(make.make_member(company=garage))

    client.get(reverse("admin:bookings_call_change", args=[call.pk]))

    assert readings() == []


def test_reading_a_deliverys_body_is_written_down(salon):
    account = make.make_account(company=None, provider="retell")
    with every_company():
        log = WebhookLog.objects.create(
            account=account,
            provider="retell",
            event="call_ended",
            external_key=b"x" * 32,
            received_at=salon.created_at,
        )
        WebhookBody.objects.create(log=log, raw=b'{"transcript": "Hallo"}')

    page = reverse("admin:webhooks_webhooklog_change", args=[log.pk])
    assert "Hallo" in text(signed_in(make.make_operator()).get(page))

    assert readings() == [(None, "webhooks_webhooklog", str(log.pk))]
