"""Nothing can be forgotten: every table, every right, every door."""

from __future__ import annotations

import psycopg
import pytest
from django.apps import apps
from django.db import connection, connections
from django.urls import URLPattern, URLResolver, get_resolver

from askpro.doors import PREFIXES
from tenants import rls
from tenants.models import Branch, Company, ProviderAccount
from tenants.scoping import ScopeMissing, every_company, scope

pytestmark = pytest.mark.django_db

#: Doors that answer without a proof, and why.
OPEN_DOORS = {
    "api/webhooks/health": "tells only whether we are alive; details need a key",
    "api/mcp/health": "tells only whether we are alive; details need a key",
    "healthz": "tells only whether we are alive",
    "readyz": "tells only whether we are alive",
}


def _own_models():
    labels = {"tenants", "bookings", "integrations", "webhooks"}
    return [
        model
        for model in apps.get_models()
        if model._meta.app_label in labels and not rls.is_global(model._meta.db_table)
    ]


def test_every_table_is_walled_or_listed_as_global():
    owner = connections["owner"]

    assert rls.unlisted_tables(owner) == set()
    walled = rls.walled_tables(owner)
    assert {model._meta.db_table for model in _own_models()} <= walled


def test_the_application_owns_nothing_and_may_not_more_than_it_needs():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT rolsuper, rolbypassrls, rolinherit, rolcreatedb, rolcreaterole"
            " FROM pg_roles WHERE rolname = session_user"
        )
        assert cursor.fetchone() == (False, False, False, False, False)
        cursor.execute(
            "SELECT count(*) FROM pg_class WHERE relowner ="
            " (SELECT oid FROM pg_roles WHERE rolname = session_user)"
        )
        assert cursor.fetchone() == (0,)


@pytest.mark.parametrize("model", _own_models(), ids=lambda model: model.__name__)
def test_outside_a_scope_the_database_refuses_even_an_empty_table(model):
    with pytest.raises(ScopeMissing):
        model.objects.exists()


@pytest.mark.parametrize("model", _own_models(), ids=lambda model: model.__name__)
def test_no_scope_may_truncate(model):
    for role in ("askpro_company", "askpro_every", "askpro"):
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "SELECT has_table_privilege(%s, %s, 'TRUNCATE')",
                [role, model._meta.db_table],
            )
            assert cursor.fetchone() == (False,)


def test_a_company_sees_and_writes_its_own_rows_alone():
    with every_company():
        salon = Company.objects.create(name="Salon", slug="salon")
        garage = Company.objects.create(name="Werkstatt", slug="werkstatt")
        Branch.objects.create(company=garage, slug="nord", name="Nord")

    with scope(salon.pk):
        assert list(Company.objects.all()) == [salon]
        assert not Branch.objects.exists()
        assert Branch.objects.update(name="fremd") == 0
        with pytest.raises(Exception, match="row-level security"):
            Branch.objects.create(company=garage, slug="sued", name="Süd")

    with every_company():
        assert [branch.name for branch in Branch.objects.all()] == ["Nord"]


def test_a_row_cannot_refer_to_another_company():
    from tenants.models import PhoneNumber

    with every_company():
        salon = Company.objects.create(name="Salon", slug="salon")
        garage = Company.objects.create(name="Werkstatt", slug="werkstatt")
        branch = Branch.objects.create(company=garage, slug="nord", name="Nord")
        with pytest.raises(Exception, match="of_company"):
            PhoneNumber.objects.create(
                company=salon, branch=branch, number="+493012345678"
            )
        assert not PhoneNumber.objects.exists()


def test_secrets_are_unreadable_in_the_database():
    with every_company():
        ProviderAccount.objects.create(
            provider="retell",
            base_url="http://127.0.0.1",
            api_key="the key",
            webhook_secret="the secret",
        )
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT api_key, webhook_secret FROM tenants_provideraccount"
            )
            stored = cursor.fetchone()
        account = ProviderAccount.objects.get()

    assert "the" not in " ".join(stored)
    assert (account.api_key, account.webhook_secret) == ("the key", "the secret")


def test_the_application_cannot_take_what_it_was_not_granted():
    parameters = connection.get_connection_params()
    parameters.pop("cursor_factory", None)
    parameters.pop("context", None)
    parameters.pop("prepare_threshold", None)
    with (
        psycopg.connect(**parameters) as raw,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        raw.execute("SET ROLE askpro_owner")


def _doors(patterns, prefix=""):
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _doors(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def test_every_machine_door_is_authenticated(client):
    doors = {
        route: callback
        for route, callback in _doors(get_resolver().url_patterns)
        if f"/{route}".startswith(PREFIXES)
    }

    assert len(doors) >= 9
    for route, callback in doors.items():
        view = getattr(callback, "cls", None)
        assert view is not None, f"{route} is no machine door and no admin page"
        if route in OPEN_DOORS:
            continue
        assert view.authentication_classes, route
        path = "/" + route.replace("<uuid:endpoint>", "01" * 16).replace(
            "<str:tool>", "check_availability"
        )
        path = path.replace("01" * 16, "01010101-0101-0101-0101-010101010101")
        answer = client.post(path, b"{}", content_type="application/json")
        assert answer.status_code == 401, route
