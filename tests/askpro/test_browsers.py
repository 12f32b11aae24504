"""What browsers are told, how long a session lasts, and what an error shows."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import time_machine
from django.test import Client
from django.urls import path

from askpro.embedded import BASE_DIR
from tests import factories as make

pytestmark = pytest.mark.django_db

PASSWORD = "ein langes Kennwort"


@pytest.fixture
def operator():
    user = make.make_operator("op@askpro.example")
    user.set_password(PASSWORD)
    user.save()
    return user


def is_in(client):
    return client.get("/admin/tenants/branch/").status_code == 200


def test_every_page_carries_what_browsers_must_be_told(client):
    reply = client.get("/admin/", follow=True)

    said = reply.headers
    assert said["X-Frame-Options"] == "DENY"
    assert said["X-Content-Type-Options"] == "nosniff"
    assert said["Referrer-Policy"] == "same-origin"
    assert said["Cross-Origin-Opener-Policy"] == "same-origin"
    assert said["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in said["Permissions-Policy"]
    assert "publickey" not in said["Permissions-Policy"]
    assert "noindex" in said["X-Robots-Tag"]
    assert "frame-ancestors 'none'" in said["Content-Security-Policy"]


def test_in_production_cookies_and_tls_are_the_hosts_own():
    wanted = (
        "from django.conf import settings as s;"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE,"
        " s.CSRF_COOKIE_SECURE, s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_SAMESITE,"
        " s.SECURE_HSTS_SECONDS, s.SECURE_SSL_REDIRECT,"
        " getattr(s, 'SECURE_PROXY_SSL_HEADER', None), s.DEBUG)"
    )

    def said(**more):
        return subprocess.run(
            [sys.executable, "-c", wanted],
            cwd=BASE_DIR,
            env=os.environ
            | {"DJANGO_SETTINGS_MODULE": "askpro.settings"}
            | {"ASKPRO_MODE": "production"}
            | more,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert said(DEBUG="1", DJANGO_DEBUG="1") == (
        "__Host-askpro-session __Host-askpro-csrf True True True Lax 31536000 True"
        " None False\n"
    )
    assert "('HTTP_X_FORWARDED_PROTO', 'https')" in said(TRUSTED_PROXY_COUNT="1")


def test_a_session_ends_after_a_while_without_a_click(settings, operator):
    client = Client()
    with time_machine.travel("2026-11-27T08:00Z", tick=False) as clock:
        client.force_login(operator)
        assert is_in(client)
        for _ in range(3):
            clock.shift(settings.SESSION_IDLE_S - 60)
            assert is_in(client)

        clock.shift(settings.SESSION_IDLE_S + 60)

        assert not is_in(client)
        assert not client.session.get("_auth_user_id")


def test_a_session_ends_after_a_working_day_however_busy(settings, operator):
    client = Client()
    with time_machine.travel("2026-11-27T06:00Z", tick=False) as clock:
        client.force_login(operator)
        for _ in range(12):
            assert is_in(client)
            clock.shift(3600)
        clock.shift(60)

        assert not is_in(client)


def test_signing_in_makes_a_new_session(rf, operator):
    from django.contrib.auth import login
    from django.contrib.sessions.backends.db import SessionStore

    request = rf.get("/")
    request.session = SessionStore()
    request.session["planted"] = "by somebody else"
    request.session.save()
    planted = request.session.session_key

    login(request, operator, backend="django.contrib.auth.backends.ModelBackend")
    request.session.save()

    assert request.session.session_key != planted
    assert not SessionStore().exists(planted)


def _fails(request):
    raise RuntimeError("Erika Muster +49 30 1234567")


def _forbids(request):
    from django.core.exceptions import PermissionDenied

    raise PermissionDenied("Erika Muster")


def _confuses(request):
    from django.core.exceptions import SuspiciousOperation

    raise SuspiciousOperation("Erika Muster")


class urls:
    """Addresses of pages that fail."""

    urlpatterns = [
        path("fails", _fails),
        path("forbids", _forbids),
        path("confuses", _confuses),
    ]


@pytest.mark.parametrize(
    ("path", "status", "german", "english"),
    [
        ("/fails", 500, "Hier ist etwas schiefgegangen", "Something went wrong here"),
        ("/forbids", 403, "Das dürfen Sie nicht", "You may not do that"),
        ("/confuses", 400, "Das war nicht lesbar", "That could not be read"),
        ("/nowhere", 404, "Diese Seite gibt es nicht", "There is no such page"),
    ],
)
def test_an_error_page_speaks_and_tells_nothing(
    settings, path, status, german, english
):
    settings.ROOT_URLCONF = urls
    client = Client(raise_request_exception=False)

    for language, words in (("de", german), ("en", english)):
        reply = client.get(path, HTTP_ACCEPT_LANGUAGE=language)
        page = reply.content.decode()
        assert reply.status_code == status
        assert words in page
        assert f'lang="{language}"' in page
        for inside in ("Erika", "1234567", "Traceback", "RuntimeError", "urlpattern"):
            assert inside not in page
        policy = reply.headers["Content-Security-Policy"]
        assert "unsafe" not in policy
        assert "style-src 'self'" in policy
        assert "<script" not in page
        assert "style=" not in page


def test_a_stale_form_and_a_strange_host_get_a_page_of_ours(operator):
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)

    stale = client.post("/admin/tenants/branch/add/", {"name": "x"})
    strange = client.get("/admin/", HTTP_HOST="evil.example")

    assert stale.status_code == 403
    assert "Diese Seite ist abgelaufen" in stale.content.decode()
    assert strange.status_code == 400
    assert "Das war nicht lesbar" in strange.content.decode()
    for reply in (stale, strange):
        assert "unsafe" not in reply.headers["Content-Security-Policy"]


def test_strangers_find_two_small_texts(client, settings):
    settings.SECURITY_CONTACT = ""
    assert client.get("/robots.txt").content == b"User-agent: *\nDisallow: /\n"
    assert client.get("/.well-known/security.txt").status_code == 404

    settings.SECURITY_CONTACT = "mailto:security@askpro.example"

    said = client.get("/.well-known/security.txt").content.decode()
    assert "Contact: mailto:security@askpro.example\n" in said
    assert "Expires: 20" in said
