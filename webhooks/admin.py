"""What was delivered: looked at, and worked on again where it failed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import TabularInline

from tenants import permissions
from tenants.admin_pages import LogPages, badge
from tenants.audit_history import RecordsReading
from webhooks import admin_pauses, call_page, replay  # noqa: F401 (registers)
from webhooks.models import WebhookAttempt, WebhookLog
from webhooks.monitor import overdue

STATE_COLORS = {
    "received": "info",
    "processing": "info",
    "done": "success",
    "ignored": "default",
    "unresolved": "warning",
    "retrying": "warning",
    "dead": "danger",
}


class OverdueFilter(admin.SimpleListFilter):
    """Waiting, though nothing is waited for."""

    title = _("overdue")
    parameter_name = "overdue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the one question."""
        return [("yes", _("overdue"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[WebhookLog]
    ) -> QuerySet[WebhookLog]:
        """Return what no worker takes."""
        return overdue(queryset) if self.value() == "yes" else queryset


class AttemptInline(TabularInline):  # type: ignore[misc]
    """The tries of a delivery."""

    model = WebhookAttempt
    fields = readonly_fields = (
        "number",
        "started_at",
        "duration_ms",
        "outcome",
        "error",
    )
    extra = 0
    can_delete = False
    ordering = ("started_at",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes."""
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Everybody sees them who sees the delivery."""
        return permissions.may_see_set_up(request)


@admin.register(WebhookLog)
class WebhookLogAdmin(RecordsReading, LogPages):
    """Deliveries, with body and tries."""

    words_fields = ("body_text",)
    list_display = (
        "received_at",
        "provider",
        "event",
        "state_badge",
        "attempts",
        "correlation_id",
        "last_error",
    )
    list_filter = ("state", OverdueFilter, "provider", "event")
    search_fields = ("id", "call_id", "correlation_id", "event")
    date_hierarchy = "received_at"
    ordering = ("-received_at",)
    inlines = (AttemptInline,)
    actions = ("process_again",)
    more_fields = ("key", "body_text")

    def tells_words(self, row: WebhookLog) -> bool:
        """Tell whether the bytes are still kept."""
        return hasattr(row, "body")

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Let owners, the desk and operators repeat."""
        return permissions.may_edit(request)

    @badge(_("state"), ordering="state", colors=STATE_COLORS)
    def state_badge(self, log: WebhookLog) -> tuple[str, str]:
        """Return the state as a badge."""
        return log.state, log.get_state_display()

    @admin.display(description=_("key"))
    def key(self, log: WebhookLog) -> str:
        """Return what makes it the same delivery again."""
        return bytes(log.external_key).hex()

    @admin.display(description=_("body"))
    def body_text(self, log: WebhookLog) -> SafeString:
        """Return the body as it came, indented where it is JSON."""
        body = getattr(log, "body", None)
        if body is None:
            return format_html("{}", _("not kept any more"))
        text = bytes(body.raw).decode(errors="replace")
        with contextlib.suppress(ValueError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return format_html(
            '<pre class="overflow-x-auto text-xs max-h-96">{}</pre>', text
        )

    @admin.action(description=_("Process again"), permissions=["replay"])
    def process_again(
        self, request: HttpRequest, queryset: QuerySet[WebhookLog]
    ) -> None:
        """Have a worker process them again, and say how many."""
        asked = list(queryset.values_list("pk", flat=True))
        count = replay.start(asked)
        said = ngettext(
            "%(count)d delivery will be processed again.",
            "%(count)d deliveries will be processed again.",
            count,
        ) % {"count": count}
        self.message_user(request, said, messages.SUCCESS)
        if left := len(asked) - count:
            still = ngettext(
                "%(count)d is in progress already.",
                "%(count)d are in progress already.",
                left,
            ) % {"count": left}
            self.message_user(request, still, messages.WARNING)


@admin.register(WebhookAttempt)
class WebhookAttemptAdmin(LogPages):
    """Every try, across deliveries."""

    list_display = ("started_at", "log", "number", "outcome", "duration_ms", "error")
    list_filter = ("outcome",)
    search_fields = ("log__correlation_id", "log__call_id", "log__event")
    date_hierarchy = "started_at"
    ordering = ("-started_at",)


call_page.register()
