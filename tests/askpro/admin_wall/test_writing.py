"""Nobody changes a row of a company that is not theirs, and read-only staff none."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.forms import Form
from django.urls import reverse

from tests.askpro.admin_wall import pages, people
from tests.askpro.admin_wall.test_reading import told
from tests.askpro.admin_wall.world import dump, make_world, of_company, walled

pytestmark = pytest.mark.django_db

#: What a reading person leaves behind without changing anything.
TRAIL = "tenants.AuditEntry"


@pytest.fixture
def world():
    return make_world()


def actions_of(model):
    page = admin.site._registry[model]
    names = {getattr(one, "__name__", one) for one in page.actions or ()}
    return sorted(names | {"delete_selected"})


def form_of(client, address):
    """Return the form on a page, as a browser would send it; None without one."""
    got = client.get(address)
    if got.status_code != 200 or got.context is None or "adminform" not in got.context:
        return None
    form = got.context["adminform"].form
    values = {}
    for bound in form:
        value = bound.value()
        if isinstance(value, dict | list):
            value = bound.subwidgets and value
        if value not in (None, "", [], {}, False):
            values[bound.html_name] = value
    return form, values


def relations(form: Form):
    return [name for name, one in form.fields.items() if hasattr(one, "queryset")]


def related(form, name, world):
    label = form.fields[name].queryset.model._meta.label
    rows = world.rows.get(label, [])
    return rows[0] if rows else None


def test_b_itself_changes_its_rows_on_these_pages(world):
    """So that the tests below could fail."""
    client = people.signed_in(world.rows["auth.User"][0])
    branch = world.rows["tenants.Branch"][0]
    before = dump(world.theirs)
    address = reverse("admin:tenants_branch_change", args=[branch.pk])
    _, values = form_of(client, address)

    got = client.post(address, values | {"slug": "neu", "email": ""})

    assert got.status_code == 302, got.context["adminform"].form.errors
    callbacks = {"action": "close", "_selected_action": ids(world, "bookings.Callback")}
    client.post(reverse("admin:bookings_callback_changelist"), callbacks)
    changed = {
        label for label, rows in dump(world.theirs).items() if rows != before[label]
    }
    assert changed == {"tenants.Branch", "bookings.Callback", TRAIL}


def ids(world, label):
    return [str(row.pk) for row in world.rows[label]]


@pytest.mark.parametrize("kind", people.INSIDE)
def test_b8_no_post_to_a_foreign_row_does_anything(world, kind):
    client = people.of(kind, world.ours)
    theirs, ours = dump(world.theirs), dump(world.ours)

    for route in pages.row_routes():
        for row in world.rows.get(route.model._meta.label, [])[:1]:
            address = pages.with_id(route, row.pk)
            for more in ({}, {"_saveasnew": "1"}, {"_popup": "1", "_continue": "1"}):
                got = client.post(address, {"post": "yes", **more})
                sent = str(row.pk)
                assert world.found_in(told(got), sent=sent) == [], address
                if "_saveasnew" not in more:
                    is_link = got.status_code == 302 and got.url.endswith("/change/")
                    assert is_link or got.status_code in (403, 404), address

    assert dump(world.theirs) == theirs
    assert dump(world.ours) == ours


@pytest.mark.parametrize("kind", people.INSIDE)
def test_b8_no_action_takes_a_foreign_row(world, kind):
    client = people.of(kind, world.ours)
    theirs, ours = dump(world.theirs), dump(world.ours)

    for model in pages.lists():
        rows = world.rows.get(model._meta.label, [])
        chosen = [str(row.pk) for row in rows]
        for name in actions_of(model):
            form = {"action": name, "_selected_action": chosen, "index": "0"}
            for more in ({}, {"post": "yes"}):
                got = client.post(pages.list_of(model), form | more)
                text = told(got)
                for pk in chosen:
                    text = text.replace(pk, "")
                assert world.found_in(text) == [], (model, name)

    assert dump(world.theirs) == theirs
    assert dump(world.ours) == ours


@pytest.mark.parametrize("kind", ["owner", "operator"])
def test_b8_whoever_takes_all_rows_takes_those_of_one_company(world, kind):
    client, before = people.of(kind, world.ours), dump(world.theirs)
    ours = dump(world.ours)

    for model in pages.lists():
        some = of_company(model, world.ours) if model in walled() else []
        for name in actions_of(model):
            form = {
                "action": name,
                "select_across": "1",
                "_selected_action": [str(row.pk) for row in some[:1]],
                "post": "yes",
            }
            client.post(pages.list_of(model), form)

    assert dump(world.theirs) == before
    assert dump(world.ours) != ours


@pytest.mark.parametrize("kind", people.INSIDE)
def test_b8_no_form_takes_a_foreign_row_as_a_relation(world, kind):
    client, before = people.of(kind, world.ours), dump(world.theirs)
    tried = 0

    for model in pages.lists():
        options = model._meta
        add = reverse(f"admin:{options.app_label}_{options.model_name}_add")
        own = of_company(model, world.ours)[:1] if model in walled() else []
        change = f"admin:{options.app_label}_{options.model_name}_change"
        for address in [add, *(reverse(change, args=[row.pk]) for row in own)]:
            found = form_of(client, address)
            if found is None:
                continue
            form, values = found
            for name in relations(form):
                foreign = related(form, name, world)
                if foreign is None:
                    continue
                got = client.post(address, values | {name: str(foreign.pk)})
                tried += 1
                sent = str(foreign.pk)
                assert got.status_code == 200, (address, name)
                assert name in got.context["adminform"].form.errors, (address, name)
                assert world.found_in(told(got), sent=sent) == [], (address, name)

    assert dump(world.theirs) == before
    assert_nothing_refers_to(world)
    assert (tried > 5) == (kind in ("owner", "desk", "operator"))


def assert_nothing_refers_to(world):
    """Assert that no row of A holds an id of B."""
    held = re.findall(r"[0-9a-f-]{36}", str(dump(world.ours)))
    assert not world.ids & set(held)


def test_a_members_company_is_never_the_clients_word(world):
    client, before = people.of("owner", world.ours), dump(world.theirs)

    for model in pages.lists():
        options = model._meta
        add = reverse(f"admin:{options.app_label}_{options.model_name}_add")
        found = form_of(client, add)
        if found is None:
            continue
        form, values = found
        assert "company" not in form.fields
        client.post(add, values | {"company": world.theirs.pk})
        client.post(add, values | {"company_id": world.theirs.pk})

    assert dump(world.theirs) == before


def own_addresses(world, model):
    options = model._meta
    name = f"admin:{options.app_label}_{options.model_name}"
    yield reverse(f"{name}_add")
    for row in of_company(model, world.ours)[:1] if model in walled() else []:
        yield reverse(f"{name}_change", args=[row.pk])
        yield reverse(f"{name}_delete", args=[row.pk])


def test_read_only_staff_change_nothing_by_any_form_or_action(world):
    reader = people.of("read_only", world.ours)
    before = dump(world.ours)

    for model in pages.lists():
        for address in own_addresses(world, model):
            got = reader.post(address, {"post": "yes", "name": "anders"})
            assert got.status_code == 403, address
        chosen = [str(one.pk) for one in rows_of(world, model)]
        for name in actions_of(model):
            form = {"action": name, "_selected_action": chosen, "post": "yes"}
            reader.post(pages.list_of(model), form)
        for route in pages.row_routes():
            if route.model is model:
                for pk in chosen[:1]:
                    reader.post(
                        pages.with_id(route, pk), {"post": "yes", "overlap": "0"}
                    )
    for route in pages.routes():
        if not route.parameters and route.name not in ("logout", "choose_company"):
            reader.post(route.path, {"post": "yes", "name": "x"})

    assert dump(world.ours) == before


def rows_of(world, model):
    return of_company(model, world.ours) if model in walled() else []


def test_staff_close_callbacks_and_change_nothing_else(world):
    staff = people.of("staff", world.ours)
    before = dump(world.ours)

    for model in pages.lists():
        for address in own_addresses(world, model):
            assert staff.post(address, {"post": "yes"}).status_code == 403, address
        for name in actions_of(model):
            chosen = [str(one.pk) for one in rows_of(world, model)]
            form = {"action": name, "_selected_action": chosen, "post": "yes"}
            staff.post(pages.list_of(model), form)

    after = dump(world.ours)
    changed = {label for label, rows in after.items() if rows != before[label]}
    assert changed == {"bookings.Callback", TRAIL}
    assert {one["state"] for one in after["bookings.Callback"]} == {"done"}
