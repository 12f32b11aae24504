"""What browsers are told beside a page, and how long somebody stays signed in."""

from __future__ import annotations

import time
from collections.abc import Callable
from http import HTTPStatus

from csp import constants as csp
from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

Next = Callable[[HttpRequest], HttpResponse]

ADMIN = "/admin/"
#: No page of ours asks for any of these; passkeys keep what they need.
PERMISSIONS = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "serial",
        "usb",
        "xr-spatial-tracking",
    )
)
HEADERS = {
    "Permissions-Policy": PERMISSIONS,
    "Cross-Origin-Resource-Policy": "same-origin",
    # Nothing here is for the public, whoever links to it.
    "X-Robots-Tag": "noindex, nofollow",
}
#: What Unfold needs, and no other page gets: its Alpine makes functions of attributes
#: and places things by style attributes; its colors and htmx' are style elements.
#: Scripts stay those of our own address.
ADMIN_NEEDS = {
    "script-src": [csp.UNSAFE_EVAL],
    "style-src": [csp.UNSAFE_INLINE],
}
#: How exactly it is known when somebody was last here: a write a minute, not more.
SEEN_EVERY_S = 60
BEGAN_AT, SEEN_AT = "askpro_began_at", "askpro_seen_at"


class HeadersMiddleware:
    """Tell browsers what no page of ours needs, and search engines to keep out."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


class AdminPolicyMiddleware:
    """Loosen the content policy for the admin's pages, and for nothing else.

    Stands after CSPMiddleware in the list. Error pages are our own, and stay strict.
    """

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        is_page = response.status_code < HTTPStatus.BAD_REQUEST
        if is_page and request.path_info.startswith(ADMIN):
            response._csp_update = ADMIN_NEEDS  # type: ignore[attr-defined]
        return response


class SessionLimitMiddleware:
    """Sign out whoever was away too long, and everybody after a working day."""

    def __init__(self, get_response: Next) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            _limit(request, time.time())
        return self.get_response(request)


def _limit(request: HttpRequest, now_s: float) -> None:
    session = request.session
    began_at = session.setdefault(BEGAN_AT, now_s)
    seen_at = session.setdefault(SEEN_AT, now_s)
    is_over = now_s - began_at > settings.SESSION_COOKIE_AGE
    if is_over or now_s - seen_at > settings.SESSION_IDLE_S:
        logout(request)
    elif now_s - seen_at > SEEN_EVERY_S:
        session[SEEN_AT] = now_s
