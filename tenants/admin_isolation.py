"""The break-in test's results: what was tried last night, and what held."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from tenants import nudger, permissions
from tenants.admin_pages import Silent
from tenants.isolation import ways
from tenants.isolation.state import last_run, sentence
from tenants.models import IsolationRun


@admin.register(IsolationRun)
class IsolationRunAdmin(Silent, ModelAdmin):  # type: ignore[misc]
    """Owners read it, operators start it; nobody changes it."""

    list_display = ("started_at", "state", "tried", "refused", "duration_ms")
    ordering = ("-started_at",)
    fields = readonly_fields = ("state", "started_at", "duration_ms", "what_was_tried")
    list_per_page = 30

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Let owners and operators in."""
        return permissions.is_owner(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let owners and operators in."""
        return permissions.is_owner(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Add the button's address."""
        start = require_POST(self.admin_site.admin_view(self.start))
        mine = [path("start/", start, name="tenants_isolationrun_start")]
        return mine + list(super().get_urls())

    def start(self, request: HttpRequest) -> HttpResponse:
        """Have a worker try, for an operator."""
        if permissions.is_operator(request):
            nudger.nudge("tenants.isolation_check")
            said = _("The test runs. Its result is here in about a minute.")
            self.message_user(request, said, messages.INFO)
        return redirect(reverse("admin:tenants_isolationrun_changelist"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Begin with the last result in words."""
        state, words = sentence(last_run())
        context = {
            "isolation_state": state,
            "isolation_words": words,
            "may_start": permissions.is_operator(request),
        }
        page: HttpResponse = super().changelist_view(
            request, context | (extra_context or {})
        )
        return page

    @admin.display(description=_("result"))
    def state(self, run: IsolationRun) -> str:
        """Return the result in a word."""
        return gettext("all refused") if run.refused == run.tried else gettext("open")

    @admin.display(description=_("ways"))
    def what_was_tried(self, run: IsolationRun) -> SafeString:
        """Return each way with its attempts, and by name what was not refused."""
        names = dict.fromkeys(one["way"] for one in run.ways)
        rows = []
        for name in names:
            mine = [one for one in run.ways if one["way"] == name]
            missed = [one for one in mine if one["outcome"] != ways.REFUSED]
            rows.append(
                (
                    gettext(name),
                    len(mine),
                    len(mine) - len(missed),
                    ", ".join(f"{one['door']} ({one['outcome']})" for one in missed),
                )
            )
        body = format_html_join(
            "",
            '<tr><th scope="row" class="text-left pr-4">{}</th>'
            '<td class="text-right pr-4">{}</td><td class="text-right pr-4">{}</td>'
            "<td>{}</td></tr>",
            rows,
        )
        return format_html(
            '<table><thead><tr><th scope="col" class="text-left pr-4">{}</th>'
            '<th scope="col" class="pr-4">{}</th><th scope="col" class="pr-4">{}</th>'
            '<th scope="col">{}</th></tr></thead><tbody>{}</tbody></table>',
            _("way"),
            _("tried"),
            _("refused"),
            _("not refused"),
            body,
        )
