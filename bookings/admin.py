"""Calls and what is agreed in them, customers, and what a person must still do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from bookings.models import (
    Appointment,
    AppointmentChange,
    Call,
    Callback,
    Customer,
    Notification,
    Occupancy,
    Offer,
)
from tenants import permissions
from tenants.admin_pages import CompanyPages, LogPages, badge
from tenants.audit_history import RecordsReading

APPOINTMENT_COLORS = {
    "requested": "warning",
    "booking": "info",
    "unknown": "warning",
    "booked": "success",
    "declined": "danger",
    "cancelled": "default",
}


@admin.register(Customer)
class CustomerAdmin(CompanyPages):
    """Who has appointments."""

    seen_by = permissions.EVERYBODY
    list_display = ("name", "phone", "email", "created_at")
    list_filter = ("created_at",)
    search_fields = ("name", "phone", "email")
    readonly_fields = ("created_at",)


@admin.register(Call)
class CallAdmin(RecordsReading, LogPages):
    """Calls, merged from everything that was told about them."""

    seen_by = permissions.EVERYBODY
    words_fields = ("transcript", "summary", "opinion")
    list_display = (
        "rang_at",
        "branch",
        "from_number",
        "status",
        "outcome",
        "customer",
        "correlation_id",
    )
    list_filter = ("status", "outcome", "is_rehearsal")
    search_fields = (
        "id",
        "call_id",
        "correlation_id",
        "from_number",
        "to_number",
        "customer__name",
    )
    date_hierarchy = "rang_at"
    ordering = ("-rang_at",)

    def tells_words(self, row: Call) -> bool:
        """Tell whether what was said is still kept."""
        return bool(row.transcript or row.summary or row.opinion)


@admin.register(Appointment)
class AppointmentAdmin(LogPages):
    """Appointments. A change goes through the calendar, so it isn't made here."""

    seen_by = permissions.EVERYBODY
    list_display = (
        "starts_at",
        "customer",
        "service",
        "staff",
        "branch",
        "state_badge",
        "intent",
    )
    list_filter = ("state", "intent", "is_rehearsal")
    search_fields = ("id", "key", "calcom_uid", "customer__name", "customer__phone")
    date_hierarchy = "starts_at"
    ordering = ("-starts_at",)

    @badge(_("state"), ordering="state", colors=APPOINTMENT_COLORS)
    def state_badge(self, appointment: Appointment) -> tuple[str, str]:
        """Return the state as a badge."""
        return appointment.state, appointment.get_state_display()


@admin.register(AppointmentChange)
class AppointmentChangeAdmin(LogPages):
    """Who or what changed an appointment."""

    list_display = ("at", "appointment", "what", "actor", "why", "correlation_id")
    list_filter = ("what", "actor")
    search_fields = ("id", "correlation_id", "appointment__calcom_uid", "why")
    date_hierarchy = "at"
    ordering = ("-at",)


@admin.register(Offer)
class OfferAdmin(LogPages):
    """Times that were spoken."""

    list_display = ("offered_at", "short_id", "service", "staff", "starts_at", "call")
    list_filter = (("accepted_at", admin.EmptyFieldListFilter),)
    search_fields = ("id", "short_id", "call__correlation_id", "service__name")
    date_hierarchy = "offered_at"
    ordering = ("-offered_at",)


@admin.register(Occupancy)
class OccupancyAdmin(LogPages):
    """What blocks time."""

    list_display = ("during", "purpose", "resource", "appointment", "offer")
    list_filter = ("purpose",)
    search_fields = ("id", "resource", "appointment__id", "offer__short_id")
    ordering = ("-during",)


@admin.register(Notification)
class NotificationAdmin(LogPages):
    """Messages to customers."""

    list_display = ("due_at", "kind", "channel", "recipient", "state", "attempts")
    list_filter = ("state", "kind", "channel")
    search_fields = ("id", "recipient", "appointment__customer__name")
    date_hierarchy = "due_at"
    ordering = ("-due_at",)


class DueFilter(admin.SimpleListFilter):
    """Open, and the time has come."""

    title = _("due")
    parameter_name = "due"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the one question."""
        return [("yes", _("due"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Callback]
    ) -> QuerySet[Callback]:
        """Return what should have been done by now."""
        if self.value() != "yes":
            return queryset
        return queryset.filter(state=Callback.State.OPEN, due_at__lte=timezone.now())


@admin.register(Callback)
class CallbackAdmin(CompanyPages):
    """What a person must do."""

    seen_by = permissions.EVERYBODY
    list_display = ("due_at", "kind", "name", "phone", "branch", "state", "assigned_to")
    list_filter = (DueFilter, "state", "kind")
    search_fields = ("id", "name", "phone", "reason", "call__correlation_id")
    readonly_fields = ("created_at", "done_at")
    ordering = ("state", "due_at")
    actions = ("close",)

    def save_model(
        self, request: HttpRequest, obj: Callback, form: Any, change: bool
    ) -> None:
        """Note when it was done."""
        is_done = obj.state == Callback.State.DONE
        if is_done != (obj.done_at is not None):
            obj.done_at = timezone.now() if is_done else None
        super().save_model(request, obj, form, change)

    def has_close_permission(self, request: HttpRequest) -> bool:
        """Let whoever did it say so."""
        return permissions.has_role(request, permissions.CLOSERS)

    @admin.action(description=_("Mark as done"), permissions=["close"])
    def close(self, request: HttpRequest, queryset: QuerySet[Callback]) -> None:
        """Close what was done."""
        count = queryset.filter(state=Callback.State.OPEN).update(
            state=Callback.State.DONE, done_at=timezone.now()
        )
        said = ngettext(
            "%(count)d callback is done.", "%(count)d callbacks are done.", count
        ) % {"count": count}
        self.message_user(request, said, messages.SUCCESS)
