"""What the admin answers where nothing is, or where somebody may not go.

It says in which company that was, and where else the person might look; never whether
something is there.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views import defaults

from tenants import admin_choice, permissions


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404: the same for a foreign row, a random id and no id at all."""
    if not _is_staffs_page(request):
        return defaults.page_not_found(request, exception)
    return _page(request, "admin/404.html", 404, is_row=_is_row(request))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 403, also in the admin."""
    if not _is_staffs_page(request):
        return defaults.permission_denied(request, exception)
    return _page(request, "admin/403.html", 403)


def _page(
    request: HttpRequest, template: str, status: int, **told: Any
) -> HttpResponse:
    company = admin_choice.header(request)
    if told.get("is_row"):
        # Whoever looks in another company wants the row, not its list.
        company["next"] = request.path
    return render(request, template, {"company": company} | told, status=status)


def _is_staffs_page(request: HttpRequest) -> bool:
    is_admin = request.path_info.startswith(reverse("admin:index"))
    # A request that was refused at the door has no person yet.
    return is_admin and hasattr(request, "user") and permissions.may_view(request)


def _is_row(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and "object_id" in match.kwargs
