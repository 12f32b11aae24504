"""The page "Tools": what agents and assistants may ask, as it is defined."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import get_language, gettext, gettext_lazy

from integrations.mcp import reference
from tenants import permissions
from tenants.admin_extras import ExtraPage


def view(request: HttpRequest) -> HttpResponse:
    """Show the tools by their sets; nothing here can be changed.

    :raises PermissionDenied: the person has no business with the set-up.
    """
    if not permissions.may_see_set_up(request):
        raise PermissionDenied
    groups = [
        (server, gettext(audience), found)
        for server, audience, found in reference.groups()
    ]
    return TemplateResponse(
        request,
        "admin/tools.html",
        admin.site.each_context(request)
        | {
            "title": gettext("Tools"),
            "groups": groups,
            "is_german": (get_language() or "").startswith("de"),
        },
    )


PAGE = ExtraPage(
    name="tools",
    path="tools/",
    label=gettext_lazy("Tools"),
    view=view,
    is_shown=permissions.may_see_set_up,
)
