"""No page of the admin tells anybody anything of a company that is not theirs."""

from __future__ import annotations

import difflib
import re

import pytest
from django.conf import settings
from django.shortcuts import resolve_url
from django.urls import reverse, reverse_lazy

from tests.askpro.admin_wall import pages, people
from tests.askpro.admin_wall.world import MARK, SECRET, dump, make_world

pytestmark = pytest.mark.django_db

#: CSRF tokens and session keys: long enough to hold any word some day.
RANDOM = re.compile(r"[A-Za-z0-9]{32,}")
#: An operator who chose A is asked as an owner, and fewer questions suffice.
FULL = ("owner",)
FOUND, REFUSED = 200, (302, 400, 403, 404, 405)
#: Answers that say whose rows they are about.
NAMED = (200, 403, 404)
FRAGMENTS = (reverse_lazy("admin:search"), reverse_lazy("admin:login"))
#: Where somebody is led who is not signed in.
SIGN_IN = str(resolve_url(settings.LOGIN_URL))
#: Where an operator chooses among all companies, by their names.
CHOICE = reverse_lazy("admin:choose_company")


@pytest.fixture
def world():
    return make_world()


def told(response):
    """Return all that an answer tells, its headers and cookies too."""
    head = "\n".join(f"{name}: {value}" for name, value in response.items())
    body = b"".join(response) if response.streaming else response.content
    text = f"{head}\n{response.cookies}\n{body.decode(errors='replace')}"
    return RANDOM.sub("", text)


def asked(client, world, addresses):
    """Ask, and return what of B was told, by address; each page names company A."""
    leaks = {}
    for address, sent in addresses:
        got = client.get(address)
        assert got.status_code in (FOUND, *REFUSED), (address, got.status_code)
        # Who is not signed in any more meets nobody's rows.
        assert not got.get("Location", "").startswith(SIGN_IN), address
        if found := world.found_in(told(got), sent=sent):
            leaks[address] = found
        if is_page(got) and got.status_code in NAMED and address not in FRAGMENTS:
            assert f"{world.ours.name}" in told(got), address
    return leaks


def is_page(response):
    return response.get("Content-Type", "").startswith("text/html")


def every_address(world):
    return [one for route in pages.routes() for one in pages.addresses(route, world)]


def lists_with(world, model, *, more=True):
    path = pages.list_of(model)
    yield path, ""
    for query, sent in pages.questions(model, world):
        if more or query.startswith(("q=", "_facets")):
            yield f"{path}?{query}", sent


def filtered(client, model):
    """Return the addresses of all choices that a list's filters offer."""
    got = client.get(pages.list_of(model))
    if got.status_code != FOUND:
        return
    for one in got.context["cl"].filter_specs:
        for choice in one.choices(got.context["cl"]):
            if query := choice.get("query_string"):
                yield f"{pages.list_of(model)}{query}", ""


def test_b_itself_meets_its_rows_on_these_pages(world):
    """So that the tests below could fail."""
    client, met = people.signed_in(world.rows["auth.User"][0]), set()
    for route in pages.routes():
        for address, sent in pages.addresses(route, world):
            text = told(client.get(address)).lower()
            assert SECRET not in text, address
            if MARK in (text.replace(sent, "") if sent else text):
                met.add(route.path)

    for model in pages.lists():
        if model._meta.app_label in ("auth", "django_celery_beat"):
            continue
        if model._meta.label == "tenants.IsolationRun":
            continue
        options = model._meta
        assert f"/admin/{options.app_label}/{options.model_name}/" in met, options.label
        assert any(
            path.endswith("<path:object_id>/change/") and options.model_name in path
            for path in met
        ), options.label
    asked_for = {"app_label": "tenants", "model_name": "service"}
    suggested = client.get(
        reverse("admin:autocomplete"), asked_for | {"field_name": "branch"}
    )
    assert MARK in suggested.content.decode()


@pytest.mark.parametrize("kind", people.INSIDE)
def test_b8_no_page_tells_of_another_company(world, kind):
    client, before = people.of(kind, world.ours), dump(world.theirs)

    addresses = every_address(world)
    if kind == "operator":
        addresses.remove((CHOICE, ""))
    leaks = asked(client, world, addresses)
    for model in pages.lists():
        leaks |= asked(client, world, lists_with(world, model, more=kind in FULL))
        if kind in FULL:
            leaks |= asked(client, world, filtered(client, model))

    assert leaks == {}
    assert dump(world.theirs) == before


@pytest.mark.parametrize("kind", people.INSIDE)
def test_b8_no_suggestion_tells_of_another_company(world, kind):
    client = people.of(kind, world.ours)
    opened, leaks = 0, {}

    for question in pages.autocompletes():
        for term in ("", MARK):
            got = client.get(reverse("admin:autocomplete"), question | {"term": term})
            opened += got.status_code == FOUND
            if found := world.found_in(told(got)):
                leaks[tuple(question.values())] = found

    assert leaks == {}
    assert opened > 10


@pytest.mark.parametrize("kind", people.OUTSIDE)
def test_b8_who_does_not_work_there_gets_in_nowhere(world, kind):
    client = people.of(kind, world.ours)
    closed = {302, 403, 404, 405}
    outside = {reverse("admin:login"), reverse("admin:jsi18n")}

    for address, sent in every_address(world):
        if address in outside:
            continue
        for got in (client.get(address), client.post(address, {"post": "yes"})):
            assert got.status_code in closed, address
            assert world.found_in(told(got), sent=sent) == [], address


def difference(one, other, *_):
    return difflib.unified_diff(str(one[1]).splitlines(), str(other[1]).splitlines())


@pytest.mark.parametrize("kind", people.INSIDE)
def test_b8_a_foreign_row_answers_as_one_that_never_was(world, kind):
    client = people.of(kind, world.ours)
    client.get(reverse("admin:index"))
    opened = 0

    for route in pages.row_routes():
        for row in world.rows.get(route.model._meta.label, [])[:1]:
            answers = set()
            for object_id in (str(row.pk), pages.RANDOM_ID, pages.MALFORMED):
                got = client.get(pages.with_id(route, object_id), follow=True)
                # The length of the address is in the one, the time in the others.
                del got.headers["Content-Length"]
                got.cookies.clear()
                text = told(got)
                for slash in ("/", "%2F"):
                    text = text.replace(f"{slash}{object_id}{slash}", slash)
                answers.add((got.status_code, text))
            assert len(answers) == 1, (route.path, *difference(*answers))
            ((status, _),) = answers
            assert status in (403, 404), route.path
            opened += status == 404
    assert opened > 10
