"""What the migrations built, read from the catalogue, and that it can be rebuilt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import DatabaseError, connections, transaction
from django.db.migrations.state import ProjectState

from integrations.sql.views import VIEWS
from tenants import rls
from tenants.models import Branch, Company, ProviderAccount
from tenants.scoping import PROBES, every_company, scope

pytestmark = pytest.mark.django_db

ROLES = "askpro_company", "askpro_every"
READ_BY_SQL = {table for view in VIEWS.values() for table in view.tables}
POLICIES = """
    SELECT polname, polcmd, pg_get_expr(polqual, polrelid),
        pg_get_expr(polwithcheck, polrelid),
        ARRAY(SELECT rolname::text FROM pg_roles WHERE oid = ANY (polroles))
    FROM pg_policy WHERE polrelid = %s::regclass ORDER BY polname
"""
CONSTRAINTS = """
    SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE conrelid = %s::regclass AND contype IN ('f', 'u') ORDER BY conname
"""


class Undo(Exception):
    """Ends a block that shall be rolled back."""


@contextmanager
def nothing_left() -> Iterator[None]:
    """Let the owner change tables and undo it."""
    with suppress(Undo), transaction.atomic(using="owner"):
        yield
        raise Undo


def _rows(query, parameters=None):
    with connections["owner"].cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def _walled_models():
    labels = {"tenants", "bookings", "integrations", "webhooks"}
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in labels and not rls.is_global(model._meta.db_table)
    ]


def _owned(model) -> bool:
    return model._meta.pk.name == "id" and any(
        field.column == "company_id" and not field.null
        for field in model._meta.concrete_fields
    )


@pytest.mark.parametrize("model", _walled_models(), ids=lambda model: model.__name__)
def test_a_walled_table_has_these_policies_and_no_other(model):
    column = "id" if model is Company else "company_id"
    mine = (
        f"({column} = (( SELECT current_setting('askpro.company'::text)"
        " AS current_setting))::uuid)"
    )
    a, b = PROBES
    listed = (
        f"(({column} IS NULL) OR ({column} <> ALL (ARRAY['{a}'::uuid, '{b}'::uuid]))"
        " OR (( SELECT current_setting('askpro.company'::text, true)"
        " AS current_setting) = 'probes'::text))"
    )
    expected = [
        ("company", "*", mine, mine, ["askpro_company"]),
        ("every_company", "*", listed, listed, ["askpro_every"]),
        ("owner", "*", "true", "true", ["askpro_owner"]),
    ]
    policies = _rows(POLICIES, [model._meta.db_table])

    if model is ProviderAccount:
        shared = ("shared", "r", "(company_id IS NULL)", None, ["askpro_company"])
        assert policies.pop() == shared
    if model._meta.db_table in READ_BY_SQL:
        ticket = "(company_id = ( SELECT reading.company() AS company))"
        assert policies.pop() == ("views", "r", ticket, None, ["askpro_views"])
    assert policies == expected


@pytest.mark.parametrize("model", _walled_models(), ids=lambda model: model.__name__)
def test_a_reference_between_owned_tables_is_bound_to_the_company(model):
    if not _owned(model):
        return
    table = model._meta.db_table
    constraints = [text for _, text in _rows(CONSTRAINTS, [table])]

    assert "UNIQUE (company_id, id)" in constraints
    for field in model._meta.concrete_fields:
        target = field.related_model
        if target is None or target not in _walled_models() or not _owned(target):
            continue
        bound = (
            f"FOREIGN KEY (company_id, {field.column}) REFERENCES"
            f" {target._meta.db_table}(company_id, id) DEFERRABLE INITIALLY DEFERRED"
        )
        assert bound in constraints, field
        plain = f"FOREIGN KEY ({field.column}) "
        assert not any(text.startswith(plain) for text in constraints), field


def test_the_application_may_touch_walled_tables_only_as_one_of_the_roles():
    rights = "SELECT", "INSERT", "UPDATE", "DELETE"
    query = "SELECT has_table_privilege(%s, %s, %s)"
    for table in rls.walled_tables(connections["owner"]):
        for right in rights:
            held = {
                role
                for role in (*ROLES, "askpro", "askpro_reader", "public")
                if _rows(query, [role, table, right]) == [(True,)]
            }
            is_refused = table in rls.APPEND_ONLY and right in ("UPDATE", "DELETE")
            assert held == (set() if is_refused else set(ROLES)), (table, right)


def test_the_platforms_account_is_read_by_companies_and_changed_by_none():
    with every_company():
        company = Company.objects.create(name="Salon", slug="salon")
        other = Company.objects.create(name="Werkstatt", slug="werkstatt")
        for owner in (None, company, other):
            ProviderAccount.objects.create(
                company=owner, provider="calcom", base_url="http://127.0.0.1"
            )

    with scope(company.pk):
        seen = ProviderAccount.objects.values_list("company_id", flat=True)
        assert set(seen) == {None, company.pk}
        assert ProviderAccount.objects.update(base_url="http://evil") == 1
        assert ProviderAccount.objects.filter(company=None).delete()[0] == 0

    with every_company():
        changed = ProviderAccount.objects.filter(base_url="http://evil")
        assert [account.company_id for account in changed] == [company.pk]


def test_the_owners_data_migrations_see_the_rows():
    with every_company():
        Company.objects.create(name="Salon", slug="salon")

    assert Company.objects.using("owner").update(name="Neu") == 1


def test_a_wall_can_be_taken_down_and_built_again():
    owner = connections["owner"]
    state = ProjectState.from_apps(apps)
    wall = rls.Walled("PhoneNumber")

    def shape():
        table = "tenants_phonenumber"
        # The policy of the SQL views is made after the last migration.
        policies = [one for one in _rows(POLICIES, [table]) if one[0] != "views"]
        return policies, _rows(CONSTRAINTS, [table])

    before = shape()
    with nothing_left():
        with owner.schema_editor(atomic=False) as editor:
            wall.database_backwards("tenants", editor, state, state)
        assert "tenants_phonenumber" in rls.unlisted_tables(owner)
        assert _rows(POLICIES, ["tenants_phonenumber"]) == []
        with owner.schema_editor(atomic=False) as editor:
            wall.database_forwards("tenants", editor, state, state)
        assert shape() == before
        assert rls.unlisted_tables(owner) == set()


def test_a_forgotten_table_stops_the_migration_and_is_named():
    with nothing_left(), connections["owner"].cursor() as cursor:
        cursor.execute("CREATE TABLE forgotten (id int)")
        with pytest.raises(RuntimeError, match="forgotten"):
            rls.grant(connections["owner"])


def test_a_name_that_only_begins_like_a_global_one_is_not_global():
    assert rls.is_global("django_session")
    assert rls.is_global("auth_user")
    assert not rls.is_global("django_session_of_customers")


def test_grant_takes_away_what_was_given_by_hand_and_may_be_repeated():
    owner = connections["owner"]
    query = "SELECT has_table_privilege(%s, 'tenants_branch', %s)"
    with nothing_left():
        with owner.cursor() as cursor:
            cursor.execute("GRANT TRUNCATE ON tenants_branch TO askpro_every")
            cursor.execute("GRANT SELECT ON tenants_branch TO askpro, PUBLIC")
        rls.grant(owner)
        rls.grant(owner)
        assert _rows(query, ["askpro_every", "TRUNCATE"]) == [(False,)]
        assert _rows(query, ["askpro", "SELECT"]) == [(False,)]
        assert _rows(query, ["askpro_company", "SELECT"]) == [(True,)]


def test_making_roles_again_changes_nothing():
    owner = connections["owner"]
    state = ProjectState.from_apps(apps)
    query = (
        "SELECT pg_has_role('askpro', %s, 'SET'), pg_has_role('askpro', %s, 'USAGE')"
    )

    with nothing_left(), owner.schema_editor(atomic=False) as editor:
        rls.CreateRoles().database_forwards("tenants", editor, state, state)
        for role in ROLES:
            assert _rows(query, [role, role]) == [(True, False)]


def test_a_concurrent_update_of_a_role_is_tried_again_in_the_same_transaction():
    owner = connections["owner"]
    with nothing_left():
        # A sequence alone remembers a try that was rolled back.
        _run(owner, "CREATE SEQUENCE tries")
        _run(owner, "CREATE TABLE done (id int)")
        rls.patiently(
            owner,
            "IF nextval('tries') < 3 THEN RAISE 'tuple concurrently updated'"
            " USING ERRCODE = 'internal_error'; END IF; INSERT INTO done VALUES (1)",
        )
        assert _rows("SELECT count(*), currval('tries') FROM done") == [(1, 3)]


def test_another_error_about_a_role_is_not_swallowed():
    with nothing_left(), pytest.raises(DatabaseError, match="does not exist"):
        rls.patiently(connections["owner"], "GRANT no_such_role TO askpro")


def test_migrate_acts_as_the_owner_and_ends_with_the_rights():
    query = "SELECT has_table_privilege('askpro', 'tenants_branch', 'SELECT')"
    _run(connections["owner"], "GRANT SELECT ON tenants_branch TO askpro")

    call_command("migrate", plan=True, stdout=StringIO())
    assert _rows(query) == [(True,)]

    call_command("migrate", verbosity=0)
    assert _rows(query) == [(False,)]


def _run(owner, statement):
    with owner.cursor() as cursor:
        cursor.execute(statement)


def test_a_branch_cannot_be_stolen_by_changing_its_company():
    with every_company():
        salon = Company.objects.create(name="Salon", slug="salon")
        garage = Company.objects.create(name="Werkstatt", slug="werkstatt")
        Branch.objects.create(company=salon, slug="mitte", name="Mitte")

    with scope(salon.pk), pytest.raises(DatabaseError, match="row-level security"):
        Branch.objects.update(company=garage)
    with every_company():
        assert Branch.objects.get().company_id == salon.pk
