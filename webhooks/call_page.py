"""A call explained: its page in the admin, with everything that happened in it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from bookings.admin import CallAdmin
from bookings.models import Appointment, Call, Callback, Notification
from tenants.scoping import scope
from webhooks.models import WebhookLog
from webhooks.timeline import Step, timeline

KINDS = {
    "event": _("event"),
    "tool": _("tool"),
    "provider": _("provider request"),
    "offer": _("offer"),
    "appointment": _("appointment"),
    "callback": _("callback"),
    "notification": _("notification"),
}
#: What a step did, where it is stored as a word of ours.
NAMES: dict[str, dict[str, Any]] = {
    "appointment": dict(Appointment.Intent.choices),
    "callback": dict(Callback.Kind.choices),
    "notification": dict(Notification.Kind.choices),
}
OUTCOMES: dict[str, dict[str, Any]] = {
    "event": dict(WebhookLog.State.choices),
    "tool": {
        "ok": _("answered"),
        "booked": _("booked"),
        "pending": _("noted"),
        "taken": _("taken"),
        "nothing_free": _("nothing free"),
        "ambiguous": _("not clear yet"),
        "not_found": _("not found"),
        "policy": _("not allowed"),
        "invalid_input": _("not understood"),
        "not_permitted": _("not allowed"),
        "upstream_unavailable": _("calendar not reachable"),
        "unknown_state": _("unclear"),
        "rate_limited": _("too many questions"),
        "internal": _("failed"),
    },
    "offer": {"accepted": _("accepted"), "offered": _("offered")},
    "appointment": dict(Appointment.State.choices),
    "callback": dict(Callback.State.choices),
    "notification": dict(Notification.State.choices),
}


class ExplainedCallAdmin(CallAdmin):
    """Calls; each one's page begins with its steps."""

    more_fields = ("steps",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """Begin with what happened."""
        fields = super().get_fields(request, obj)
        return ["steps", *(name for name in fields if name != "steps")]

    @admin.display(description=_("what happened"))
    def steps(self, call: Call) -> SafeString:
        """Return the steps as a table."""
        # An operator sees every company: a correlation id joins rows of one alone.
        with scope(call.company_id):
            rows = [_row(step, call) for step in timeline(call)]
        headers = [_("time"), _("kind"), _("what"), _("outcome"), _("took")]
        return render_to_string(
            "admin/call_steps.html", {"table": {"headers": headers, "rows": rows}}
        )


def _row(step: Step, call: Call) -> list[Any]:
    at = timezone.localtime(step.at, call.branch.zone)
    names, outcomes = NAMES.get(step.kind, {}), OUTCOMES.get(step.kind, {})
    return [
        f"{at:%H:%M:%S},{at.microsecond // 1000:03d}",
        KINDS[step.kind],
        names.get(step.name, step.name),
        outcomes.get(step.outcome, step.outcome) or "–",
        "–" if step.duration_ms is None else f"{step.duration_ms} ms",
    ]


def register() -> None:
    """Put this page in the place of the one that knows no deliveries."""
    admin.site.unregister(Call)
    admin.site.register(Call, ExplainedCallAdmin)
