"""The short way to the machine doors, past what only browsers need."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import translation

from askpro import correlation, limits, refusals

logger = logging.getLogger(__name__)

PREFIXES = ("/api/", "/healthz", "/readyz", "/metrics")
#: Answers to a machine are no page, and nobody's to keep.
SEALS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
PAGE_POLICY = "Content-Security-Policy"
PAGE = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
_TOLD = {
    HTTPStatus.BAD_REQUEST: "The length of the body is no number.",
    HTTPStatus.LENGTH_REQUIRED: "Send the length of the body (Content-Length).",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large.",
}
#: When to ask again while the database is away.
AWAY_S = 5
REFUSED = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}


class MachineDoorMiddleware:
    """Hand a machine's request straight to its view; give each request a clean id.

    Sessions, messages and CSRF tokens belong to browsers; machines prove who they
    are at their door. Stands first in the list.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with correlation.bound(""):
            if request.path_info.startswith(PREFIXES):
                # A browser's language stays with the thread after its request.
                translation.deactivate()
                return _sealed(_answer(request))
            status = limits.refusal(request)
            if status is not None:
                return _page(request, status)
            return self.get_response(request)


def _page(request: HttpRequest, status: HTTPStatus) -> HttpResponse:
    """Return an error page before anything that makes one: no session, no cookie."""
    name = "413.html" if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE else "400.html"
    with translation.override(translation.get_language_from_request(request)):
        page = render_to_string(name)
    return HttpResponse(page, status=status, headers=SEALS | {PAGE_POLICY: PAGE})


def _sealed(response: HttpResponse) -> HttpResponse:
    for name, value in SEALS.items():
        response.headers.setdefault(name, value)
    return response


@lru_cache(maxsize=1024)
def _resolved(path: str) -> ResolverMatch:
    return resolve(path)


def _answer(request: HttpRequest) -> HttpResponse:
    status = limits.refusal(request)
    if status is not None:
        return _told(status, most_bytes=limits.most_bytes(request.path_info))
    try:
        match = _resolved(request.path_info)
    except Resolver404:
        return JsonResponse({"detail": "There is no such address."}, status=404)
    request.resolver_match = match
    try:
        response: HttpResponse = match.func(request, *match.args, **match.kwargs)
        if not getattr(response, "is_rendered", True):
            response = response.render()  # type: ignore[attr-defined]
    except RequestDataTooBig:
        return _told(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except (OperationalError, InterfaceError) as away:
        # Whoever repeats loses nothing: what was not kept was not acknowledged.
        logger.error(
            "the database is away",
            extra={"route": match.route, "reason": type(away).__name__},
        )
        return JsonResponse(
            {"detail": f"The database is away. Try again in {AWAY_S} s."},
            status=HTTPStatus.SERVICE_UNAVAILABLE,
            headers={"Retry-After": str(AWAY_S)},
        )
    except Exception:
        logger.exception("a machine door failed", extra={"route": match.route})
        return JsonResponse({"detail": "Internal error. Try again."}, status=500)
    if response.status_code in REFUSED:
        return _slowed(request, response)
    return response


def _told(status: HTTPStatus, **more: int) -> JsonResponse:
    return JsonResponse({"detail": _TOLD[status]} | more, status=status)


def _slowed(request: HttpRequest, refused: HttpResponse) -> HttpResponse:
    """Return the refusal, or the word to wait for whoever is refused too often."""
    wait_s = refusals.wait_s(request)
    if not wait_s:
        return refused
    return JsonResponse(
        {
            "detail": f"Too many refused requests. Try again in {wait_s} s.",
            "code": "rate_limited",
        },
        status=HTTPStatus.TOO_MANY_REQUESTS,
        headers={"Retry-After": str(wait_s)},
    )
