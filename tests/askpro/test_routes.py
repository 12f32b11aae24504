"""Every door is listed here: machines prove who they are, people sign in."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.urls import URLPattern, get_resolver

pytestmark = pytest.mark.django_db

#: Doors that answer anybody, with one word.
OPEN = {"api/webhooks/health", "api/mcp/health", "healthz", "readyz"}


def routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


MACHINES = sorted(
    {route for route in routes(get_resolver()) if not route.startswith("admin/")} - {""}
)


def address(route):
    return "/" + route.replace("<uuid:endpoint>", str(uuid4())).replace(
        "<str:tool>", "create_booking"
    )


def test_the_open_doors_exist():
    assert set(MACHINES) >= OPEN


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("route", [route for route in MACHINES if route not in OPEN])
def test_a_machine_that_proves_nothing_is_refused(client, route, method):
    reply = client.generic(method.upper(), address(route), b"{}")

    assert reply.status_code == 401, route


@pytest.mark.parametrize("route", sorted(OPEN))
def test_an_open_door_says_one_word(client, route):
    assert client.get(f"/{route}").json() == {"status": "ok"}
