"""The admin site: staff's one place to look and to repair."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from askpro import home
from tenants import permissions

#: The pages by what people come for; what is not named here is the platform's.
GROUPS: list[tuple[Any, list[str]]] = [
    (
        _("Appointments"),
        [
            "bookings.Call",
            "bookings.Appointment",
            "bookings.Customer",
            "bookings.Callback",
        ],
    ),
    (
        _("Set-up"),
        [
            "tenants.Company",
            "tenants.Branch",
            "tenants.PhoneNumber",
            "tenants.Service",
            "tenants.Staff",
            "tenants.StaffService",
            "tenants.ProviderAccount",
            "tenants.ApiKey",
            "tenants.Membership",
        ],
    ),
    (
        _("Logs"),
        [
            "webhooks.WebhookLog",
            "webhooks.WebhookAttempt",
            "integrations.ToolCall",
            "integrations.ProviderRequest",
            "bookings.AppointmentChange",
            "bookings.Offer",
            "bookings.Occupancy",
            "bookings.Notification",
        ],
    ),
]
PLATFORM = _("Platform")


class AskProAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """The admin of AskPro."""

    site_title = site_header = "AskPro"
    index_title = _("Overview")

    def has_permission(self, request: HttpRequest) -> bool:
        """Let operators in, and staff who work in the company that is open."""
        return permissions.may_view(request)

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Begin with what needs a person."""
        context = {"state": home.state(request)} | (extra_context or {})
        page: HttpResponse = super().index(request, context)
        return page

    def get_app_list(
        self, request: HttpRequest, app_label: str | None = None
    ) -> list[Any]:
        """Group the pages by what people come for."""
        apps: list[Any] = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        pages = {
            page["model"]._meta.label: page for app in apps for page in app["models"]
        }
        groups = [
            (name, [pages.pop(label) for label in labels if label in pages])
            for name, labels in GROUPS
        ]
        groups.append((PLATFORM, list(pages.values())))
        return [
            {
                "name": name,
                "app_label": f"group-{position}",
                "app_url": reverse("admin:index"),
                "has_module_perms": True,
                "models": models,
            }
            for position, (name, models) in enumerate(groups)
            if models
        ]

    def get_sidebar_list(self, request: HttpRequest) -> list[dict[str, Any]]:
        """Show the same groups beside each page."""
        return [
            {
                "title": group["name"],
                "collapsible": group["name"] == PLATFORM,
                "items": [_item(page, request) for page in group["models"]],
            }
            for group in self.get_app_list(request)
        ]


def _item(page: dict[str, Any], request: HttpRequest) -> dict[str, Any]:
    url = page["admin_url"]
    return {
        "title": page["name"],
        "link": url,
        "active": bool(url) and request.path.startswith(url),
        "has_permission": True,
    }
