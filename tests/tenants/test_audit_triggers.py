"""What changes is written down by the database, whichever way it was changed."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, connection, connections, models, transaction
from django.db.migrations.state import ProjectState

from askpro import actor, correlation
from askpro.actor import Actor, acting
from bookings.models import Appointment, Customer
from tenants import audit_triggers, rls
from tenants.accounts import sync_platform_accounts
from tenants.fields import EncryptedTextField
from tenants.models import (
    ApiKey,
    AuditEntry,
    Branch,
    Company,
    PhoneNumber,
    ProviderAccount,
    Service,
)
from tenants.scoping import every_company, let_go, scope
from tests import factories

pytestmark = pytest.mark.django_db

PETRA = Actor("person", "petra", "192.0.2.7")
#: Tables whose rows leave no entry, and why.
NOT_AUDITED = {
    "tenants.AuditEntry": "it is the trail",
    "bookings.Call": "a log: merged from what providers tell",
    "bookings.Offer": "a log: the times that were spoken",
    "bookings.Occupancy": "follows from offers and appointments",
    "bookings.AppointmentChange": "a trail itself",
    "bookings.Notification": "a log: follows from appointments",
    "integrations.ToolCall": "a log",
    "integrations.ProviderRequest": "a log",
    "integrations.SqlTicket": "stands while one query runs",
    "webhooks.WebhookLog": "a log",
    "webhooks.WebhookBody": "a log: the bytes of one",
    "webhooks.WebhookAttempt": "a log",
    "webhooks.WebhookCount": "counts of a log",
    "webhooks.ProviderPoll": "how far a provider was asked",
}
#: Texts that are told in value: none of them is a person's, nor a secret.
SHOWN_TEXTS = {
    "tenants.Company": {"name", "slug", "time_zone", "language", "region"},
    "tenants.ProviderAccount": {"provider", "base_url"},
    "tenants.Branch": {
        *("slug", "name", "address", "time_zone", "region", "opening_hours"),
        "retell_agent_id",
    },
    "tenants.PhoneNumber": {"number"},
    "tenants.Service": {"name", "synonyms"},
    "tenants.Membership": {"role"},
    "tenants.ApiKey": {"name", "prefix", "scopes"},
    "bookings.Appointment": {"state", "calcom_uid", "earlier_uids", "intent"},
    "bookings.Callback": {"kind", "state"},
    # Written by operators and owners for each other; never about a caller.
    "webhooks.WebhookPause": {"provider", "why", "resumed_why"},
}
TEXTS = (models.CharField, models.TextField, models.JSONField, models.BinaryField)


class Undo(Exception):
    """Ends a block that shall be rolled back."""


def entries(**which) -> list[AuditEntry]:
    with every_company():
        return list(AuditEntry.objects.filter(**which).order_by("at"))


def last() -> AuditEntry:
    return entries()[-1]


def _walled_models():
    labels = {"tenants", "bookings", "integrations", "webhooks"}
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in labels and not rls.is_global(model._meta.db_table)
    ]


def _triggers() -> dict[str, list[list[str]]]:
    """Return the arguments of each table's audit triggers, from the catalogue."""
    found: dict[str, list[list[str]]] = {}
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT t.tgrelid::regclass::text, t.tgargs, t.tgenabled FROM pg_trigger t"
            " JOIN pg_proc p ON p.oid = t.tgfoid WHERE p.proname = 'audit_row'"
        )
        for table, arguments, enabled in cursor.fetchall():
            assert enabled == "O", table
            given = bytes(arguments).decode().split("\0")[:-1]
            found.setdefault(table, []).append(given)
    return found


def _columns(text: str) -> set[str]:
    return set(text.strip("{}").split(",")) - {""}


# --- nothing is forgotten --------------------------------------------------------


def test_every_table_is_audited_or_listed_with_a_reason():
    triggers = _triggers()

    for model in _walled_models():
        is_audited = model._meta.db_table in triggers
        assert is_audited != (model._meta.label in NOT_AUDITED), model._meta.label
    assert all(len(of_table) == 2 for of_table in triggers.values())


def test_every_text_is_hidden_or_listed_as_nobodys():
    triggers = _triggers()

    for model in _walled_models():
        for _, hidden, quiet in triggers.get(model._meta.db_table, []):
            texts = {
                field.column
                for field in model._meta.concrete_fields
                if isinstance(field, TEXTS)
            }
            shown = texts - _columns(hidden) - _columns(quiet)
            assert shown == SHOWN_TEXTS.get(model._meta.label, set()), model
            secrets = {
                field.column
                for field in model._meta.concrete_fields
                if isinstance(field, EncryptedTextField)
            }
            assert secrets <= _columns(hidden)


def test_the_triggers_can_be_taken_away_and_put_back():
    owner = connections["owner"]
    operation = audit_triggers.Audited("Branch", hidden=["email"])
    state = ProjectState.from_apps(apps)
    before = _triggers()["tenants_branch"]

    with suppress(Undo), transaction.atomic(using="owner"):
        with owner.schema_editor() as editor:
            operation.database_backwards("tenants", editor, state, state)
        assert "tenants_branch" not in _triggers()
        with owner.schema_editor() as editor:
            operation.database_forwards("tenants", editor, state, state)
        assert sorted(_triggers()["tenants_branch"]) == sorted(before)
        raise Undo

    assert operation.describe() == "Audit Branch"


def test_an_unknown_column_stops_the_migration():
    operation = audit_triggers.Audited("Branch", hidden=["e_mail"])
    state = ProjectState.from_apps(apps)

    with (
        pytest.raises(LookupError, match="e_mail"),
        connections["owner"].schema_editor() as editor,
    ):
        operation.database_forwards("tenants", editor, state, state)


def test_the_functions_are_fixed_and_nobodys_who_needs_them_not():
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosecdef, proconfig::text, proacl::text FROM pg_proc"
            " WHERE proname LIKE 'audit\\_%' ORDER BY proname"
        )
        found = cursor.fetchall()

    assert [(name, definer) for name, definer, *_ in found] == [
        ("audit_expire", True),
        ("audit_row", False),
    ]
    for name, _, config, acl in found:
        assert config == '{"search_path=pg_catalog, public, pg_temp"}'
        # An entry without a name before "=" is PUBLIC's.
        assert acl is not None
        assert ",=" not in acl
        assert "{=" not in acl
        assert ("askpro_every=X" in acl) == (name == "audit_expire")
        assert "askpro_company=" not in acl


# --- what is written ---------------------------------------------------------------


def test_a_change_names_who_where_from_in_which_call_and_what():
    company = factories.make_company("salon")
    branch = factories.make_branch(company=company, minimum_notice_min=60)

    with scope(company.pk), acting(PETRA), correlation.bound("call_1"):
        Branch.objects.filter(pk=branch.pk).update(minimum_notice_min=120)

    entry = last()
    assert (entry.actor, entry.actor_name, entry.address) == PETRA
    assert (entry.action, entry.correlation_id) == ("changed", "call_1")
    assert (entry.subject, entry.subject_id) == ("tenants_branch", str(branch.pk))
    assert entry.company_id == company.pk
    assert entry.changes == {"minimum_notice_min": [60, 120]}
    assert entry.pk.version == 7


def test_a_new_row_and_a_deleted_one_are_told_without_what_is_empty():
    company = factories.make_company("salon")
    branch = factories.make_branch(company=company)
    service = factories.make_service(branch=branch, name="Beratung")
    pk = str(service.pk)
    with scope(company.pk):
        service.delete()

    added, deleted = entries(subject="tenants_service", subject_id=pk)
    assert (added.action, deleted.action) == ("added", "deleted")
    assert added.changes["name"] == [None, "Beratung"]
    assert deleted.changes["name"] == ["Beratung", None]
    assert {"id", "company_id", "price_eur", "synonyms"}.isdisjoint(added.changes)
    assert deleted.company_id == company.pk


def test_a_company_is_its_own_and_one_that_is_gone_the_platforms():
    company = factories.make_company("salon")
    assert last().company_id == company.pk

    with every_company(), pytest.raises(DatabaseError, match="tenants_auditentry"):
        # Its trail outlives it: what refers to a company keeps it from going.
        Company.objects.filter(pk=company.pk)._raw_delete("default")
    assert [entry.action for entry in entries()] == ["added"]

    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute("DELETE FROM tenants_auditentry")
        owner.execute("DELETE FROM tenants_company")
    gone = last()
    assert (gone.action, gone.company_id) == ("deleted", None)
    assert gone.subject_id == str(company.pk)
    assert (gone.actor, gone.actor_name) == ("system", "askpro_owner")


def test_the_platforms_accounts_are_the_platforms():
    account = factories.make_account(company=None, provider="retell")

    entry = last()
    assert entry.company_id is None
    assert entry.subject_id == str(account.pk)
    assert entry.changes["provider"] == [None, "retell"]


def test_bulk_updates_raw_sql_and_cascades_are_caught():
    company = factories.make_company("salon")
    branch = factories.make_branch(company=company)
    for name in ("A", "B"):
        factories.make_service(branch=branch, name=name)
    number = factories.make_number(branch=branch)
    with scope(company.pk), acting(PETRA):
        Service.objects.update(is_active=False)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE tenants_service SET capacity = 3 WHERE name = 'A'")
        branch.delete()

    done = [(entry.action, entry.subject) for entry in entries(actor="person")]
    assert done[:3] == [("changed", "tenants_service")] * 3
    assert sorted(done[3:]) == [
        ("deleted", "tenants_branch"),
        ("deleted", "tenants_phonenumber"),
        ("deleted", "tenants_service"),
        ("deleted", "tenants_service"),
    ]
    told = entries(subject="tenants_phonenumber", action="deleted")[0]
    assert told.changes["number"] == [number.number, None]


def test_what_changes_nothing_or_only_technical_columns_leaves_no_entry():
    company = factories.make_company("salon")
    branch = factories.make_branch(company=company)
    appointment = factories.make_appointment(branch=branch)
    key, _ = factories.make_key(company=company)
    account = factories.make_account(company=company)
    before = len(entries())

    with scope(company.pk):
        branch.save()
        appointment.attempts, appointment.last_error = 3, "busy"
        appointment.save()
        ApiKey.objects.filter(pk=key.pk).update(
            last_used_at=branch.company.created_at, last_used_from="192.0.2.1"
        )
        ProviderAccount.objects.filter(pk=account.pk).update(
            secret_used_at=branch.company.created_at
        )

    assert len(entries()) == before


def test_a_state_is_told_without_the_tries_that_led_to_it():
    branch = factories.make_branch(company=factories.make_company())
    appointment = factories.make_appointment(branch=branch, state="requested")

    with scope(branch.company_id):
        Appointment.objects.filter(pk=appointment.pk).update(
            state="booked", attempts=2, leased_until=appointment.starts_at
        )

    assert last().changes == {"state": ["requested", "booked"]}


def test_a_secret_that_stays_the_same_is_not_told_as_changed():
    account = factories.make_account(company=factories.make_company())
    with scope(account.company_id):
        account = ProviderAccount.objects.get(pk=account.pk)
        account.api_key = str(account.api_key)
        account.is_active = False
        account.save()
        assert last().changes == {"is_active": [True, False]}

        account.webhook_secret = "another"
        account.save()
        assert last().changes == {"webhook_secret": True}
        again = ProviderAccount.objects.get(pk=account.pk)
    assert (again.api_key, again.webhook_secret) == (account.api_key, "another")


def test_a_start_that_brings_nothing_new_leaves_no_entry(settings):
    settings.RETELL_API_KEY = "key_1"
    settings.RETELL_WEBHOOK_KEYS = ["secret_1"]
    sync_platform_accounts()
    before = len(entries())
    assert before == 1

    sync_platform_accounts()
    assert len(entries()) == before

    settings.RETELL_API_KEY = "key_2"
    sync_platform_accounts()
    assert last().changes == {"api_key": True}


def test_no_persons_data_and_no_secret_is_written_down():
    mark = "zzmarkzz"
    company = factories.make_company("salon")
    branch = factories.make_branch(company=company, email=f"{mark}@example.org")
    customer = factories.make_customer(
        company=company,
        name=mark,
        phone="+4930666666",
        email=f"{mark}@example.org",
        notes=mark,
    )
    factories.make_staff(branch=branch, name=mark, email=f"{mark}@example.org")
    appointment = factories.make_appointment(
        branch=branch,
        customer=customer,
        wish_name=mark,
        intent_reason=mark,
        idempotency_key=mark,
        last_error=mark,
    )
    factories.make_callback(branch=branch, name=mark, phone="+4930666666", reason=mark)
    account = factories.make_account(
        company=company, api_key=mark, webhook_secret=mark, webhook_secret_previous=mark
    )
    key, plain = factories.make_key(company=company)

    rows = [branch, customer, appointment, account, key]
    with scope(company.pk):
        tokens = ProviderAccount.objects.extra(
            select={"token": "api_key::text"}
        ).values_list("token", flat=True)[0]
        Customer.objects.update(notes=mark * 2, phone="+49306666667")
        Appointment.objects.update(wish_name=mark * 2)
        ProviderAccount.objects.update(webhook_secret=mark * 2)
        for row in rows[1:3] + rows[:1]:
            row.refresh_from_db()
        Appointment.objects.all()._raw_delete("default")
        customer.delete()
        account.delete()
        key.delete()
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT string_agg(e::text, ' ') FROM tenants_auditentry e")
        written = cursor.fetchone()[0]

    assert len(entries()) > 12
    secrets = [mark, "666666", plain.rsplit("_", 1)[1], bytes(key.digest).hex(), tokens]
    for secret in secrets:
        assert secret not in written, secret
    changed = entries(subject="bookings_customer", action="changed")[0]
    assert changed.changes == {"notes": True, "phone": True}


# --- who is told ------------------------------------------------------------------


def _touch(branch: Branch, minutes: int) -> None:
    Branch.objects.filter(pk=branch.pk).update(minimum_notice_min=minutes)


@pytest.fixture
def branch(_django_db_helper) -> Branch:
    return factories.make_branch(company=factories.make_company("salon"))


def test_the_actor_is_right_after_a_savepoint_that_was_rolled_back(branch):
    with scope(branch.company_id), transaction.atomic(), acting(PETRA):
        with suppress(Undo), transaction.atomic(), acting(Actor("key", "askpro_x")):
            _touch(branch, 1)
            raise Undo
        _touch(branch, 2)
        with suppress(DatabaseError), transaction.atomic():
            with acting(Actor("provider", "retell")):
                _touch(branch, 3)
            connection.cursor().execute("SELECT 1 / 0")
        _touch(branch, 4)

    told = [(one.actor_name, one.changes) for one in entries(action="changed")]
    assert told == [
        ("petra", {"minimum_notice_min": [60, 2]}),
        ("petra", {"minimum_notice_min": [2, 4]}),
    ]


def test_the_actor_is_right_when_only_he_changes(branch):
    with scope(branch.company_id):
        for minutes, name in enumerate(("anna", "bert", "anna"), start=1):
            with acting(Actor("person", name)), correlation.bound(f"c{minutes}"):
                _touch(branch, minutes)
        _touch(branch, 9)

    told = [
        (e.actor, e.actor_name, e.correlation_id) for e in entries(action="changed")
    ]
    assert told == [
        ("person", "anna", "c1"),
        ("person", "bert", "c2"),
        ("person", "anna", "c3"),
        ("system", "", ""),
    ]


def test_reading_costs_no_trip_for_another_actor_and_writing_one(branch, tmp_path):
    with scope(branch.company_id), (tmp_path / "trace").open("w+") as trace:
        let_go()
        connection.ensure_connection()
        connection.connection.pgconn.trace(trace.fileno())
        for minutes, name in enumerate(("anna", "bert")):
            with acting(Actor("person", name)):
                assert Branch.objects.count() == 1
                _touch(branch, minutes)
                _touch(branch, minutes + 10)
        connection.connection.pgconn.untrace()
    lines = (tmp_path / "trace").read_text().splitlines()
    sent = [
        line for line in lines if "\tF\t" in line and ("SEL" in line or "UPD" in line)
    ]

    kinds = ["tell" if "set_config" in line else "other" for line in sent]
    assert kinds == ["tell", *["other"] * 3, "other", "tell", *["other"] * 2]


def test_threads_and_the_pool_never_mix_actors_up(branch):
    others = [factories.make_branch(company=factories.make_company()) for _ in range(5)]

    def work(number: int) -> None:
        one = others[number % 5]
        try:
            with scope(one.company_id), acting(Actor("person", f"p{number}")):
                for minutes in range(1, 4):
                    _touch(one, 1000 * number + minutes)
                    if minutes == 2:
                        let_go()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(work, range(1, 20)))

    told = entries(action="changed")
    assert len(told) == 57
    for entry in told:
        new = entry.changes["minimum_notice_min"][1]
        assert entry.actor_name == f"p{new // 1000}"


def test_odd_names_and_ids_never_make_a_change_fail(branch):
    odd = Actor("person", "a\0b\ud800\"'{" + "x" * 300, "2001:db8::1")

    with scope(branch.company_id), acting(odd), correlation.bound("\0\udfff" * 200):
        _touch(branch, 5)

    entry = last()
    assert entry.actor_name.startswith("ab?\"'{x")
    assert (len(entry.actor_name), len(entry.correlation_id)) == (160, 120)
    assert entry.address == "2001:db8::1"


def test_the_owners_migrations_write_without_being_told(branch):
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute("UPDATE tenants_branch SET minimum_notice_min = 7")

    entry = last()
    assert (entry.actor, entry.actor_name) == ("system", "askpro_owner")
    assert (entry.company_id, entry.changes) == (
        branch.company_id,
        {"minimum_notice_min": [60, 7]},
    )


def test_a_task_is_done_by_whoever_caused_it_else_by_itself():
    assert actor.of_task(list(PETRA), "bookings.attempt") == PETRA
    assert actor.of_task(list(actor.SYSTEM), "t") == Actor("system", "t")
    assert actor.of_task(None, "t") == Actor("system", "t")
    assert actor.of_task([1, 2, 3, 4], "t") == Actor("system", "t")


def test_a_command_is_named(branch):
    subprocess.run(
        [
            *(sys.executable, "manage.py", "mcp_key_create"),
            *("--company", "salon", "--scope", "webhook", "--name", "Assistent"),
        ],
        check=True,
        capture_output=True,
        text=True,
    )

    entry = entries(subject="tenants_apikey")[0]
    assert (entry.actor, entry.actor_name) == ("system", "manage.py mcp_key_create")
    assert entry.company_id == branch.company_id


def test_a_refused_write_leaves_no_entry(branch):
    other = factories.make_company("werkstatt")
    before = len(entries())

    with scope(branch.company_id), pytest.raises(DatabaseError, match="row-level"):
        PhoneNumber.objects.create(company=other, branch=branch, number="+493012345678")

    assert len(entries()) == before
