"""The admin site: staff's one place to look and to repair."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth import logout as sign_out
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from askpro import home
from tenants import admin_choice, permissions
from tenants.admin_extras import EXTRA_PAGES

#: The pages by what people come for: models by their labels, pages without one by the
#: names of their addresses. What is not named here is the platform's.
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
            "admin:tools",
        ],
    ),
    (
        _("Logs"),
        [
            "webhooks.WebhookLog",
            "webhooks.WebhookAttempt",
            "webhooks.WebhookPause",
            "webhooks.ProviderPoll",
            "webhooks.WebhookCount",
            "integrations.ToolCall",
            "integrations.ProviderRequest",
            "bookings.AppointmentChange",
            "bookings.Offer",
            "bookings.Occupancy",
            "bookings.Notification",
            "admin:queries",
        ],
    ),
    (
        _("Safety"),
        [
            "tenants.Membership",
            "tenants.ApiKey",
            "tenants.AuditEntry",
            "tenants.IsolationRun",
        ],
    ),
]
PLATFORM = _("Platform")


class Suggestions(AutocompleteJsonView):
    """Rows to choose from, for those who may open the page that asks."""

    def process_request(self, request: HttpRequest) -> tuple[Any, ...]:
        """Refuse what no form asks: Django fails at relations seen from behind."""
        asked: tuple[Any, ...] = super().process_request(request)
        field: Any = asked[2]
        site: Any = self.admin_site
        page = site._registry.get(field.model) if field.concrete else None
        if page is None or not page.has_view_permission(request):
            raise PermissionDenied
        return asked


class AskProAdminSite(UnfoldAdminSite):  # type: ignore[misc]
    """The admin of AskPro."""

    site_title = site_header = "AskPro"
    index_title = _("Overview")

    def extra_urls(self) -> list[URLPattern]:
        """Return the pages that belong to no model."""
        return [
            path(
                "company/", self.admin_view(self.choose_company), name="choose_company"
            ),
            # No model of ours has a page outside: this would only tell which ids exist.
            path(
                "r/<path:content_type_id>/<path:object_id>/",
                self.admin_view(self.nothing),
                name="view_on_site",
            ),
            *(
                path(page.path, self.admin_view(page.view), name=page.name)
                for page in EXTRA_PAGES
            ),
        ]

    def choose_company(self, request: HttpRequest) -> HttpResponse:
        """Let people with several companies choose one."""
        return admin_choice.view(self, request)

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Suggest rows for a relation that a form may have."""
        answer: HttpResponse = Suggestions.as_view(admin_site=self)(request)  # type: ignore[assignment]
        return answer

    def nothing(self, request: HttpRequest, **_: str) -> HttpResponse:
        """Have no such page."""
        raise Http404

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """Say on every page whose rows it shows."""
        context: dict[str, Any] = super().each_context(request)
        return context | {"company": admin_choice.header(request)}

    def search(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Find pages by name: of what this person may open, and nothing remembered."""
        words = request.GET.get("s", "").lower()
        if not words:
            return HttpResponse()
        groups = [
            group | {"models": [*group["models"]]}
            for group in self.get_app_list(request)
        ]
        pages = Paginator(self._search_apps(groups, words), 100)
        is_palette = "extended" in request.GET
        name = "command_results" if is_palette else "search_results"
        context = {
            "page_obj": pages,
            "results": pages.page(1),
            "page_counter": 0,
            "execution_time": 0,
            "command_show_history": False,
        }
        return TemplateResponse(
            request,
            f"unfold/helpers/{name}.html",
            context,
            headers={"HX-Trigger": "search"},
        )

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to where people sign in, and back to the page that they wanted."""
        if request.user.is_authenticated:
            # Signed in, and still nobody here: another try would lead back again.
            raise PermissionDenied
        wanted = request.GET.get(REDIRECT_FIELD_NAME, "") or reverse("admin:index")
        return redirect_to_login(wanted, reverse("account_login"))

    def logout(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Sign out, and lead to where people sign in; a link alone can't."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        sign_out(request)
        return redirect("account_login")

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Lead to the page that also ends the other sessions."""
        return redirect("account_change_password")

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
        } | {
            f"admin:{page.name}": page.as_item()
            for page in EXTRA_PAGES
            if page.is_shown(request)
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
