"""The short way to the machine doors, past what only browsers need."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import Resolver404, ResolverMatch, resolve
from django.utils import translation

from askpro import correlation

logger = logging.getLogger(__name__)

PREFIXES = ("/api/", "/healthz", "/readyz")


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
                return _answer(request)
            return self.get_response(request)


@lru_cache(maxsize=1024)
def _resolved(path: str) -> ResolverMatch:
    return resolve(path)


def _answer(request: HttpRequest) -> HttpResponse:
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
        return JsonResponse({"detail": "The body is too large."}, status=413)
    except Exception:
        logger.exception("a machine door failed", extra={"route": match.route})
        return JsonResponse({"detail": "Internal error. Try again."}, status=500)
    return response
