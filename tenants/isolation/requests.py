"""A request to our own doors, through everything that a real one passes."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from io import BytesIO
from typing import Any
from wsgiref.util import setup_testing_defaults

from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
)
from django.core.handlers.wsgi import WSGIHandler

Headers = Mapping[str, str]


def ask(
    method: str, path: str, *, body: bytes = b"", headers: Headers | None = None
) -> tuple[int, bytes]:
    """Return status and body of the answer."""
    address, _, query = path.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": address,
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "CONTENT_TYPE": "application/json",
        "HTTP_HOST": _host(),
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(body),
        **{
            f"HTTP_{name.upper().replace('-', '_')}": value
            for name, value in (headers or {}).items()
        },
    }
    setup_testing_defaults(environ)
    answered: list[str] = []
    answered_with = bytearray().extend

    def start(status: str, *_: Any) -> Callable[[bytes], object]:
        answered.append(status)
        return answered_with

    parts = _application()(environ, start)
    try:
        told = b"".join(parts)
    finally:
        parts.close()
    return int(answered[0].split(" ")[0]), told


@cache
def _application() -> WSGIHandler:
    return WSGIHandler()


def _host() -> str:
    hosts = [host for host in settings.ALLOWED_HOSTS if host != "*"]
    return hosts[0].lstrip(".") if hosts else "localhost"


def session_of(user: Any) -> tuple[Any, dict[str, str]]:
    """Sign a person in; return the session, to be deleted, and the headers for it."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    token = secrets.token_hex(16)
    cookies = {
        settings.SESSION_COOKIE_NAME: store.session_key,
        settings.CSRF_COOKIE_NAME: token,
    }
    return store, {
        "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
        # A page of ours that posts: what stops others must not stop the attempt.
        "X-CSRFToken": token,
        "Referer": f"https://{_host()}/admin/",
    }
