"""The two logs of what integrations did."""

from __future__ import annotations

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from integrations import admin_queries, admin_tools
from integrations.models import ProviderRequest, ToolCall
from tenants.admin_extras import EXTRA_PAGES
from tenants.admin_pages import LogPages, badge

EXTRA_PAGES.extend((admin_queries.PAGE, admin_tools.PAGE))


@admin.register(ToolCall)
class ToolCallAdmin(LogPages):
    """What agents asked, and what we answered."""

    words_fields = ("arguments", "answer")
    list_display = ("at", "tool", "code_badge", "door", "duration_ms", "correlation_id")
    list_filter = ("tool", "code", "door", "is_success")
    search_fields = ("id", "correlation_id", "call_row_id", "tool", "key_prefix")
    date_hierarchy = "at"
    ordering = ("-at",)
    more_fields = ("call_link",)

    @badge(_("code"), ordering="code")
    def code_badge(self, call: ToolCall) -> str:
        """Return the code as a badge."""
        return call.code

    @admin.display(description=_("call"))
    def call_link(self, asked: ToolCall) -> SafeString | str:
        """Return a link to the call it belongs to."""
        if asked.call_row_id is None:
            return "–"
        url = reverse("admin:bookings_call_change", args=[asked.call_row_id])
        return format_html('<a href="{}">{}</a>', url, asked.correlation_id)


@admin.register(ProviderRequest)
class ProviderRequestAdmin(LogPages):
    """What we asked providers, and how it ended."""

    list_display = (
        "at",
        "provider",
        "method",
        "path",
        "status",
        "outcome",
        "duration_ms",
        "correlation_id",
    )
    list_filter = ("provider", "outcome", "method", "status")
    search_fields = ("id", "correlation_id", "path")
    date_hierarchy = "at"
    ordering = ("-at",)
