"""Staff see their company's rows; operators those of the company they chose, or all."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

from tenants import choice
from tenants.scoping import every_company, scope

SAFE = {"GET", "HEAD", "OPTIONS"}
#: What somebody may send from a page of a company that was left meanwhile.
ALWAYS = ("admin:logout", "admin:choose_company")


class StaffScopeMiddleware:
    """Open the scope of whoever is signed in, for the whole request.

    Someone without a company stays outside: there the database refuses.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = choice.of(request)
        with _scope(found):
            if _is_page(request, found) and not choice.settle(request):
                if request.method not in SAFE:
                    return _refuse(request)
                if found.has_ended:
                    said = _("You no longer work in the company that you had chosen.")
                    messages.warning(request, said)
            return self.get_response(request)


def _scope(found: choice.Choice) -> AbstractContextManager[None]:
    if found.current is not None:
        return scope(found.current.company_id)
    return every_company() if found.is_every else nullcontext()


def _is_page(request: HttpRequest, found: choice.Choice) -> bool:
    """Tell whether it is a page of the admin that belongs to a company."""
    path = request.path_info
    return (
        (found.current is not None or found.is_operator)
        and path.startswith(reverse("admin:index"))
        and path not in map(reverse, ALWAYS)
    )


def _refuse(request: HttpRequest) -> HttpResponse:
    """Answer as to any form that has expired; nothing was done."""
    view = import_string(settings.CSRF_FAILURE_VIEW)
    page: HttpResponse = view(request, reason="of another company's page")
    return page
