"""The break-in test: it passes, it finds a hole, and it leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import StringIO

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connections
from django.urls import URLPattern, get_resolver

from askpro.celery import app
from integrations.mcp import registry
from integrations.sql.views import VIEWS
from tenants import rls
from tenants.isolation import probes, ways
from tenants.models import Company, IsolationRun
from tenants.scoping import PROBES, every_company, scope
from tests import factories as make
from webhooks import providers

pytestmark = pytest.mark.django_db


def run():
    out = StringIO()
    call_command("isolation_check", "--json", stdout=out)
    return json.loads(out.getvalue())


def found() -> set[tuple[str, str]]:
    """Return what was not refused: way and door."""
    return {(one.way, one.door) for one in ways.check() if one.outcome != ways.REFUSED}


@contextmanager
def broken(breaking: str, mending: str) -> Iterator[None]:
    """Break the wall as its owner, and mend it."""
    owner = connections["owner"]
    with owner.cursor() as cursor:
        cursor.execute(breaking)
    try:
        yield
    finally:
        # Waiting code closes every connection meanwhile.
        with owner.cursor() as cursor:
            cursor.execute(mending)


def test_every_way_is_refused_and_the_result_is_kept():
    make.make_branch(company=make.make_company("salon"))

    told = run()

    assert told["tried"] == told["refused"] > 400
    kept = IsolationRun.objects.get()
    assert (kept.tried, kept.refused) == (told["tried"], told["refused"])
    assert {one["outcome"] for one in kept.ways} == {"refused"}
    assert probes.MARKS[1] not in json.dumps(kept.ways)


def test_furnishing_twice_makes_nothing_new():
    first, second = probes.furnish(), probes.furnish()

    assert {label: row.pk for label, row in first.mine.rows.items()} == {
        label: row.pk for label, row in second.mine.rows.items()
    }
    with scope(PROBES[0]):
        assert Company.objects.count() == 1


@pytest.mark.parametrize(
    ("breaking", "mending", "expected"),
    [
        (
            "ALTER POLICY company ON bookings_customer USING (true)",
            "ALTER POLICY company ON bookings_customer USING"
            " (company_id = (SELECT current_setting('askpro.company'))::uuid)",
            {
                ("rows by the ORM", "bookings.Customer: read"),
                ("rows by SQL", "bookings.Customer: select"),
                (
                    "the catalogue of this database",
                    "bookings_customer: row security and policies",
                ),
                ("pages of the admin", "bookings.Customer (owner)"),
            },
        ),
        (
            # A replay wants both of them.
            "ALTER TABLE webhooks_webhooklog DISABLE ROW LEVEL SECURITY;"
            " ALTER TABLE webhooks_webhookbody DISABLE ROW LEVEL SECURITY",
            "ALTER TABLE webhooks_webhooklog ENABLE ROW LEVEL SECURITY;"
            " ALTER TABLE webhooks_webhookbody ENABLE ROW LEVEL SECURITY",
            {
                ("rows by the ORM", "webhooks.WebhookLog: change"),
                ("replays and stories", "replay"),
                ("replays and stories", "story by id"),
                ("reading by SQL", "webhook_logs"),
            },
        ),
        (
            "ALTER TABLE tenants_phonenumber"
            " DROP CONSTRAINT tenants_phonenumber_branch_of_company",
            "ALTER TABLE tenants_phonenumber"
            " ADD CONSTRAINT tenants_phonenumber_branch_of_company"
            " FOREIGN KEY (company_id, branch_id) REFERENCES tenants_branch"
            " (company_id, id) DEFERRABLE INITIALLY DEFERRED",
            {
                ("references to foreign rows", "tenants.PhoneNumber.branch"),
                (
                    "the catalogue of this database",
                    "tenants_phonenumber: references stay within the company",
                ),
            },
        ),
        (
            "GRANT SELECT ON bookings_call TO askpro",
            "REVOKE SELECT ON bookings_call FROM askpro",
            {
                (
                    "the catalogue of this database",
                    "bookings_call: no right outside a scope",
                )
            },
        ),
        (
            "ALTER POLICY views ON bookings_customer USING (true)",
            "ALTER POLICY views ON bookings_customer"
            " USING (company_id = (SELECT reading.company()))",
            {("reading by SQL", "customers")},
        ),
        (
            "ALTER POLICY company ON sql_ticket WITH CHECK (true)",
            "ALTER POLICY company ON sql_ticket WITH CHECK"
            " (company_id = (SELECT current_setting('askpro.company'))::uuid)",
            {("reading by SQL", "a ticket for the other company")},
        ),
    ],
    ids=["policy", "row security", "reference", "grant", "view", "ticket"],
)
def test_a_hole_is_found_and_named(breaking, mending, expected):
    with broken(breaking, mending):
        holes = found()

    assert expected <= holes


def test_a_hole_ends_the_command_with_an_error():
    with (
        broken(
            "ALTER POLICY company ON tenants_staff USING (true)",
            "ALTER POLICY company ON tenants_staff USING"
            " (company_id = (SELECT current_setting('askpro.company'))::uuid)",
        ),
        pytest.raises(CommandError, match="were not refused"),
    ):
        run()

    kept = IsolationRun.objects.get()
    assert kept.refused < kept.tried


def test_the_probes_are_in_no_list_and_no_figure():
    probes.furnish()

    with every_company():
        for model in probes.walled_models():
            assert not model._default_manager.exists(), model._meta.label
    with every_company(with_probes=True):
        assert Company.objects.count() == len(PROBES)
    people = get_user_model().objects.filter(username__startswith=probes.PEOPLE)
    assert all(not person.has_usable_password() for person in people)


def test_an_operator_meets_no_probe(client):
    make.make_branch(company=make.make_company("salon"))
    probes.furnish()
    client.force_login(make.make_operator())

    for page in ("tenants_company", "auth_user", "bookings_call", "tenants_membership"):
        told = client.get(f"/admin/{page.replace('_', '/')}/").content.decode()
        assert not any(mark in told for mark in (*probes.MARKS, probes.PEOPLE)), page
    out = StringIO()
    with suppress(CommandError):
        call_command("preflight", "--json", stdout=out)
    assert "salon" in out.getvalue()
    assert not any(mark in out.getvalue() for mark in probes.MARKS)


def _routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from _routes(pattern, route)


def doors():
    """Return everything that somebody could come in by."""
    tasks = [name for name in app.tasks if not name.startswith("celery.")]
    events = {
        f"event:{name}: {event}"
        for name, provider in providers.every().items()
        for event in provider.handlers
    }
    return sorted(
        {f"route:{route}" for route in _routes(get_resolver())}
        | {f"tool:{tool.name}" for tool in registry.tools()}
        | {f"task:{name}" for name in tasks if not name.startswith("bench.")}
        | {f"view:{view}" for view in VIEWS}
        | {f"admin:{model._meta.label}" for model in admin.site._registry}
        | {f"orm:{model._meta.label}" for model in probes.walled_models()}
        | events
    )


def test_no_door_is_without_a_way():
    app.loader.import_default_modules()

    assert ways.uncovered(doors()) == []


def test_a_door_without_a_way_is_named():
    assert ways.uncovered(["route:api/new", "tool:list_services"]) == ["route:api/new"]


def test_every_walled_table_has_a_row_in_both_probes():
    made = probes.furnish()

    tables = {model._meta.db_table for model in probes.walled_models()}
    assert tables == rls.walled_tables(connections["owner"])
    assert set(made.mine.rows) == set(made.theirs.rows)
    for label, row in made.theirs.rows.items():
        assert row.pk != made.mine.rows[label].pk
