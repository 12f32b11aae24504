"""The trail: whose it is, who signed in, and that nobody changes what was written."""

from __future__ import annotations

import os
from datetime import timedelta

import psycopg
import pytest
from django.apps import apps
from django.contrib.auth import authenticate, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.core.management import call_command
from django.db import ProgrammingError, connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from askpro import correlation
from askpro.actor import Actor, acting
from askpro.checks import audit_is_kept_long_enough
from tenants import audit
from tenants.audit import Action
from tenants.models import AuditEntry, Membership
from tenants.scoping import ScopeMissing, every_company, scope
from tests import factories as make
from webhooks import retention

pytestmark = pytest.mark.django_db

PETRA = Actor("person", "petra", "192.0.2.7")
REFUSED = "permission denied"


@pytest.fixture
def salon(_django_db_helper):
    return make.make_company("salon")


@pytest.fixture
def garage(_django_db_helper):
    return make.make_company("werkstatt")


def entries(**which) -> list[AuditEntry]:
    with every_company():
        return list(AuditEntry.objects.filter(**which).order_by("at"))


# --- the wall ----------------------------------------------------------------------


def test_one_act_is_written_into_one_companys_trail(salon, garage):
    with acting(PETRA), correlation.bound("call_1"):
        audit.record(Action.EXPORTED, company_id=salon.pk, subject="customers")

    with scope(salon.pk):
        entry = AuditEntry.objects.get(action="exported")
    assert (entry.actor, entry.actor_name, entry.address) == PETRA
    assert (entry.correlation_id, entry.subject) == ("call_1", "customers")
    with scope(garage.pk):
        assert not AuditEntry.objects.exclude(subject="tenants_company").exists()
    with pytest.raises(ScopeMissing):
        AuditEntry.objects.exists()


def test_the_changes_of_a_company_are_not_seen_by_another(salon, garage):
    branch = make.make_branch(company=salon)

    with scope(salon.pk):
        assert AuditEntry.objects.filter(subject_id=str(branch.pk)).exists()
    with scope(garage.pk):
        assert {entry.company_id for entry in AuditEntry.objects.all()} == {garage.pk}


def test_an_entry_can_not_be_forged_into_anothers_trail(salon, garage):
    for company_id in (garage.pk, None):
        with scope(salon.pk), pytest.raises(ProgrammingError, match="row-level"):
            AuditEntry.objects.create(
                company_id=company_id, actor="system", action="deleted"
            )

    assert not entries(action="deleted")


def test_the_platforms_trail_is_for_operators_alone(salon):
    audit.record(Action.QUERIED, company_id=None)

    assert entries(action="queried")[0].company_id is None
    with scope(salon.pk):
        assert not AuditEntry.objects.filter(action="queried").exists()


# --- retention ---------------------------------------------------------------------


def _aged(days: int, **which) -> None:
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        owner.execute(
            "UPDATE tenants_auditentry SET at = at - make_interval(days => %s)"
            " WHERE subject = %s",
            [days, which["subject"]],
        )


def test_entries_go_when_their_year_is_over(salon, garage, settings):
    for company in (salon, garage):
        make.make_branch(company=company)
        make.make_account(company=company)
    _aged(366, subject="tenants_branch")
    _aged(364, subject="tenants_provideraccount")

    retention.expire()

    left = {entry.subject for entry in entries()}
    assert left == {"tenants_company", "tenants_provideraccount"}


def test_many_go_in_batches(salon):
    with connections["owner"].cursor() as owner:
        owner.execute(
            "INSERT INTO tenants_auditentry (id, at, actor, actor_name,"
            " correlation_id, action, subject, subject_id, changes)"
            " SELECT gen_random_uuid(), now() - interval '400 days', 'system', '', '',"
            " 'read', 'old', '', '{}' FROM generate_series(1, %s)",
            [2 * audit.EXPIRE_BATCH + 1],
        )

    assert audit.expire() == 2 * audit.EXPIRE_BATCH + 1
    assert not entries(subject="old")


def test_young_entries_can_not_be_expired(salon, settings):
    make.make_branch(company=salon)
    _aged(29, subject="tenants_branch")
    settings.AUDIT_RETENTION_DAYS = 29

    with pytest.raises(ProgrammingError, match="30 days"):
        audit.expire()
    with every_company(), connection.cursor() as cursor:
        for limit in (None, timezone.now() + timedelta(days=1)):
            with pytest.raises(ProgrammingError, match="30 days"):
                cursor.execute("SELECT audit_expire(%s, 10)", [limit])

    assert len(entries(subject="tenants_branch")) == 1


@pytest.mark.parametrize(("days", "found"), [(30, ["askpro.E020"]), (31, [])])
def test_too_few_days_are_told_at_the_start(settings, days, found):
    settings.AUDIT_RETENTION_DAYS = days

    assert [one.id for one in audit_is_kept_long_enough(None)] == found


def test_a_company_expires_nothing(salon):
    expire = "SELECT audit_expire(now() - interval '1 year', 10)"
    with (
        scope(salon.pk),
        connection.cursor() as cursor,
        pytest.raises(ProgrammingError, match=REFUSED),
    ):
        cursor.execute(expire)
    with pytest.raises(ScopeMissing), connection.cursor() as cursor:
        cursor.execute(expire)


# --- signing in ---------------------------------------------------------------------


def _kinds(company_id) -> list[tuple[str, str, str]]:
    return [
        (entry.action, entry.actor_name, entry.subject_id)
        for entry in entries(company=company_id, subject="auth_user")
    ]


def test_signing_in_and_out_is_in_the_trail_of_each_of_the_persons_companies(
    salon, garage
):
    person = make.make_member(company=salon, username="petra@salon.example")
    with every_company():
        Membership.objects.create(company=garage, user=person, role="desk")
    client = Client(REMOTE_ADDR="192.0.2.9")
    client.force_login(person)
    client.logout()

    name, pk = person.username, str(person.pk)
    told = [("signed_in", name, pk), ("signed_out", name, pk)]
    assert _kinds(salon.pk) == _kinds(garage.pk) == told
    assert _kinds(None) == []


def test_an_operators_signing_in_is_the_platforms(salon):
    operator = make.make_operator()
    Client().force_login(operator)

    assert _kinds(None) == [("signed_in", operator.username, str(operator.pk))]
    assert _kinds(salon.pk) == []


def test_a_failed_sign_in_is_told_to_the_company_of_that_person(rf, salon):
    person = make.make_member(
        company=salon, password="right", username="p@salon.example"
    )
    request = rf.post("/", REMOTE_ADDR="192.0.2.9")

    assert authenticate(request, username="p@salon.example", password="no") is None

    entry = entries(action="sign_in_failed")[0]
    assert (entry.company_id, entry.subject_id) == (salon.pk, str(person.pk))
    assert (entry.actor_name, entry.address) == ("p@salon.example", "192.0.2.9")
    assert "no" not in str(entry.changes)


def test_what_an_unknown_person_typed_is_not_kept(rf, salon):
    typed = "hunter2-is-my-password"
    for _ in range(2):
        authenticate(rf.post("/"), username=typed, password="x")
    authenticate(rf.post("/"), username="another", password="x")

    first, again, other = entries(action="sign_in_failed")
    assert first.company_id is None
    assert first.actor_name == ""
    assert first.subject_id == again.subject_id != other.subject_id
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, ' ') FROM tenants_auditentry e")
        assert "hunter2" not in cursor.fetchone()[0]


def test_an_unknown_name_costs_as_many_statements_as_a_known_one(rf, salon):
    make.make_member(company=salon, password="right", username="p@salon.example")

    def asked(name: str) -> list[str]:
        with CaptureQueriesContext(connection) as asked:
            authenticate(rf.post("/"), username=name, password="no")
        return [query["sql"].split()[0] for query in asked]

    assert asked("nobody@salon.example") == asked("p@salon.example")


needs_allauth = pytest.mark.skipif(
    not apps.is_installed("allauth.mfa"), reason="there are no such signals without it"
)


def _request(rf, person):
    request = rf.post("/", REMOTE_ADDR="192.0.2.9")
    request.user, request.session = person, SessionStore()
    return request


@needs_allauth
@pytest.mark.parametrize("name", ["password_changed", "password_set", "password_reset"])
def test_a_password_that_was_changed_is_told(rf, salon, name):
    from allauth.account import signals

    person = make.make_member(company=salon)
    request = _request(rf, person)
    request.session.create()

    getattr(signals, name).send(sender=get_user_model(), request=request, user=person)

    assert [kind for kind, *_ in _kinds(salon.pk)] == ["password"]
    assert entries(action="password")[0].address == "192.0.2.9"


@needs_allauth
@pytest.mark.parametrize(
    ("name", "action", "changes"),
    [
        ("authenticator_added", "second_factor", {"totp": [False, True]}),
        ("authenticator_removed", "second_factor", {"totp": [True, False]}),
        ("authenticator_reset", "second_factor", {"totp": True}),
        ("authentication_failed", "sign_in_failed", {"second_factor": [None, "totp"]}),
    ],
)
def test_what_happens_to_a_second_factor_is_told(rf, salon, name, action, changes):
    from allauth.mfa import signals
    from allauth.mfa.models import Authenticator

    person = make.make_member(company=salon)

    getattr(signals, name).send(
        sender=Authenticator,
        request=_request(rf, person),
        user=person,
        authenticator=Authenticator(user=person, type="totp", data={"secret": "zzz"}),
    )

    (entry,) = entries(action=action)
    assert (entry.company_id, entry.changes) == (salon.pk, changes)
    assert entry.actor_name == person.username


def test_nothing_of_the_models_waits_for_a_migration():
    call_command("makemigrations", "--check", "--dry-run", "tenants", verbosity=0)
