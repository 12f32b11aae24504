"""Deliveries that wait because somebody wants them to; what was asked and counted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from tenants import permissions
from tenants.admin_pages import CompanyPages, LogPages
from webhooks import pauses
from webhooks.models import ProviderPoll, WebhookCount, WebhookPause


@admin.register(WebhookPause)
class WebhookPauseAdmin(CompanyPages):
    """Pausing keeps and loses nothing; resuming works on all of it, in order."""

    list_display = (
        *("paused_at", "what_waits", "why", "paused_by"),
        *("resumed_at", "resumed_by", "resumed_why"),
    )
    search_fields = ("why", "paused_by")
    fields = ("provider", "account", "why")
    ordering = ("-paused_at",)
    actions = ("resume",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Members pause their company, operators what they choose."""
        if permissions.is_operator(request):
            return ["company", "provider", "account", "why"]
        return ["why"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A pause is begun and ended, never changed; its action is the end."""
        return obj is None and permissions.may_edit(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who paused what, and when, stays known."""
        return False

    def save_model(
        self, request: HttpRequest, obj: WebhookPause, form: Any, change: bool
    ) -> None:
        """Say who paused."""
        obj.paused_by = request.user.get_username()
        super().save_model(request, obj, form, change)

    @admin.display(description=_("what waits"))
    def what_waits(self, pause: WebhookPause) -> str:
        """Return the provider, the account or the company."""
        return str(pause)

    @admin.action(description=_("Resume"), permissions=["change"])
    def resume(self, request: HttpRequest, queryset: QuerySet[WebhookPause]) -> None:
        """Have a worker take what waited."""
        count = pauses.resume(queryset, by=request.user.get_username())
        said = ngettext(
            "%(count)d pause has ended; what waited is worked on.",
            "%(count)d pauses have ended; what waited is worked on.",
            count,
        ) % {"count": count}
        self.message_user(request, said, messages.SUCCESS)


@admin.register(ProviderPoll)
class ProviderPollAdmin(LogPages):
    """How far each account was asked for what it did not tell."""

    list_display = ("account", "asked_at", "polled_until", "found_at", "last_error")
    list_select_related = ("account__company",)


@admin.register(WebhookCount)
class WebhookCountAdmin(LogPages):
    """What came, minute by minute."""

    list_display = ("at", "event", "received", "duplicates", "processed", "failed")
    list_filter = ("event",)
    date_hierarchy = "at"
    ordering = ("-at",)
