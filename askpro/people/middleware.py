"""Nothing of the admin for who must have a second factor and has none."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from askpro.people import second_factor


class SecondFactorMiddleware:
    """Lead owners and operators to their second factor first."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not _is_admin(request) or not second_factor.is_missing(request):
            return self.get_response(request)
        said = _("Owners and operators need a second factor: set it up first.")
        if request.method != "GET" or "application/json" in request.headers.get(
            "Accept", ""
        ):
            return JsonResponse({"detail": said}, status=403)
        messages.info(request, said)
        return redirect("mfa_activate_totp")


#: What anybody may reach to sign in or out; the rest of the admin waits.
_ALWAYS = tuple(f"/admin/{name}/" for name in ("login", "logout", "jsi18n"))


def _is_admin(request: HttpRequest) -> bool:
    path = request.path_info
    return path.startswith("/admin/") and not path.startswith(_ALWAYS)
