"""Every door is listed here: machines prove who they are, people sign in."""

from __future__ import annotations

from uuid import uuid4

import pytest
import time_machine
from django.urls import URLPattern, get_resolver

from askpro import doors, limits
from integrations.models import ToolCall
from tenants import redis
from tenants.scoping import every_company
from webhooks.models import WebhookLog

pytestmark = pytest.mark.django_db

METHODS = ("get", "post", "put", "patch", "delete", "options", "head", "trace")
#: Doors of machines that answer anybody, and why nobody is made to wait there.
OPEN = {
    "api/webhooks/health": "a word for strangers, for one SELECT 1; keys are counted",
    "api/mcp/health": "a word for strangers, for one SELECT 1; keys are counted",
    "healthz": "tells that the process lives, and asks nobody",
    "readyz": "a load balancer asks it each second; it costs one SELECT 1",
}
#: What browsers see, by the beginning of its path, and what bounds it there.
BROWSER = {
    "": "redirects to the admin",
    "admin/": "signing in is rate-limited; all else wants a session",
    "konto/": "signing in: the library limits tries by address and by name",
    "robots.txt": "the same text for everybody",
    ".well-known/security.txt": "the same text for everybody",
}


def routes(resolver, prefix=""):
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield route
        else:
            yield from routes(pattern, route)


ALL = sorted(set(routes(get_resolver())))
MACHINES = [route for route in ALL if f"/{route}".startswith(doors.PREFIXES)]
PROVING = [route for route in MACHINES if route not in OPEN]


def address(route):
    return "/" + (
        route.replace("<uuid:endpoint>", str(uuid4()))
        .replace("<str:tool>", "create_booking")
        .replace("<str:trace_id>", "call_1")
    )


@pytest.fixture
def patience(settings):
    """Few refusals a minute, none of them used up."""
    settings.REFUSALS_PER_MINUTE = 3
    client = redis.client()
    for key in client.scan_iter("askpro:platform:refused:*"):
        client.delete(key)
    # In the middle of a minute: the count must not begin anew in the test.
    with time_machine.travel("2026-11-27T09:00:30Z", tick=False):
        yield settings


def test_the_open_doors_exist():
    assert set(MACHINES) >= set(OPEN)


def test_every_route_is_a_machines_or_a_listed_page():
    pages = [route for route in ALL if route not in MACHINES]
    beginnings = tuple(name for name in BROWSER if name)

    assert len(PROVING) >= 9
    assert [one for one in pages if one and not one.startswith(beginnings)] == []


@pytest.mark.parametrize("route", PROVING)
def test_c2_every_machine_endpoint_is_authenticated(client, route):
    for method in METHODS:
        reply = client.generic(method.upper(), address(route), b"{}")
        assert reply.status_code == 401, (route, method)
        assert method == "head" or reply.json()["detail"]

    with every_company():
        assert not WebhookLog.objects.exists()
        assert not ToolCall.objects.exists()


@pytest.mark.parametrize("route", sorted(OPEN))
def test_an_open_door_says_one_word(client, route):
    assert client.get(f"/{route}").json() == {"status": "ok"}


@pytest.mark.parametrize("route", PROVING)
def test_whoever_is_refused_again_and_again_has_to_wait(client, patience, route):
    replies = [client.post(address(route)) for _ in range(5)]

    assert [reply.status_code for reply in replies] == [401] * 3 + [429] * 2
    assert replies[-1].headers["Retry-After"] == "30"
    assert replies[-1].json()["code"] == "rate_limited"


@pytest.mark.parametrize(
    "route",
    [
        *MACHINES,
        "",
        "robots.txt",
        "admin/",
        "admin/login/",
        "admin/tenants/branch/add/",
    ],
)
def test_a_body_above_the_doors_limit_is_413(client, route):
    path = address(route)
    most = limits.most_bytes(path)

    reply = client.post(path, b"{}", "application/json", CONTENT_LENGTH=f"{most + 1}")

    assert reply.status_code == 413, route
    if route in MACHINES:
        assert reply.json() == {"detail": "The body is too large.", "most_bytes": most}
    else:
        assert "Das ist zu viel" in reply.content.decode()


@pytest.mark.parametrize("route", MACHINES)
def test_no_answer_to_a_machine_is_a_page_or_kept(client, route):
    reply = client.post(address(route), b"{}", "application/json")

    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "Set-Cookie" not in reply.headers
