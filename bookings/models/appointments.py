"""What is agreed with a caller, and what blocks time."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import DateTimeRangeField, IntegerRangeField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models.calls import Call, Customer, Offer
from tenants.models import Branch, Service, Staff, TenantOwned


class Appointment(TenantOwned):
    """One visit, from the caller's wish to its end.

    ``state`` is what is agreed; ``intent`` is what is under way at the calendar.
    A booked appointment stays booked until its move or cancellation is settled.
    """

    class State(models.TextChoices):
        REQUESTED = "requested", _("noted")
        BOOKING = "booking", _("being booked")
        UNKNOWN = "unknown", _("unclear")
        BOOKED = "booked", _("booked")
        DECLINED = "declined", _("declined")
        CANCELLED = "cancelled", _("cancelled")

    class Intent(models.TextChoices):
        BOOK = "book", _("book")
        MOVE = "move", _("move")
        CANCEL = "cancel", _("cancel")

    class IntentState(models.TextChoices):
        REQUESTED = "requested", _("waiting")
        SENDING = "sending", _("being sent")
        UNKNOWN = "unknown", _("unclear")

    #: The states in which an appointment holds its time.
    LIVE = ("requested", "booking", "unknown", "booked")

    key = models.UUIDField(_("key"), default=uuid.uuid4, unique=True, editable=False)
    branch = models.ForeignKey(
        Branch,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="appointments",
        verbose_name=_("branch"),
    )
    service = models.ForeignKey(
        Service,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="appointments",
        verbose_name=_("service"),
    )
    staff = models.ForeignKey(
        Staff,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="appointments",
        verbose_name=_("staff member"),
    )
    customer = models.ForeignKey(
        Customer,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="appointments",
        verbose_name=_("customer"),
    )
    call = models.ForeignKey(
        Call,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="appointments",
        verbose_name=_("call"),
    )
    state = models.CharField(
        _("state"), max_length=16, choices=State, default=State.REQUESTED
    )
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"))
    wish_name = models.CharField(_("spoken name"), max_length=160)
    idempotency_key = models.CharField(
        _("idempotency key"), max_length=120, null=True, blank=True
    )
    event_type_id = models.PositiveBigIntegerField(_("Cal.com event type id"))
    calcom_uid = models.CharField(_("Cal.com uid"), max_length=120, blank=True)
    earlier_uids = models.JSONField(_("earlier uids"), default=list, blank=True)
    revision = models.PositiveIntegerField(_("revision"), default=0)
    is_rehearsal = models.BooleanField(_("rehearsal"), default=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    intent = models.CharField(
        _("under way"), max_length=16, choices=Intent, null=True, blank=True
    )
    intent_state = models.CharField(
        _("how far"), max_length=16, choices=IntentState, null=True, blank=True
    )
    intent_call = models.ForeignKey(
        Call,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
        verbose_name=_("call that asked"),
    )
    intent_reason = models.CharField(_("reason"), max_length=300, blank=True)
    wished_starts_at = models.DateTimeField(_("wished start"), null=True, blank=True)
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    lookups = models.PositiveIntegerField(_("empty look-ups"), default=0)
    next_try_at = models.DateTimeField(_("next try at"), null=True, blank=True)
    answer_by_at = models.DateTimeField(_("answered at"), null=True, blank=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("appointment")
        verbose_name_plural = _("appointments")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "call", "service", "starts_at", "wish_name"],
                condition=Q(state__in=["requested", "booking", "unknown", "booked"]),
                name="appointment_once_per_caller_and_start",
            ),
            models.UniqueConstraint(
                fields=["company", "idempotency_key"],
                name="appointment_once_per_idempotency_key",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=models.F("starts_at")),
                name="appointment_ends_after_its_start",
            ),
        ]
        indexes = [
            models.Index(fields=["company", "starts_at"], name="appointment_by_start"),
            models.Index(fields=["company", "calcom_uid"], name="appointment_by_uid"),
            models.Index(
                fields=["next_try_at"],
                condition=Q(intent__isnull=False),
                name="appointment_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} {self.get_state_display()}"

    @property
    def is_live(self) -> bool:
        """Whether it takes place, or is to, as far as we know."""
        return self.state in self.LIVE


class Occupancy(TenantOwned):
    """Time that is taken: the only table that blocks, by an exclusion constraint."""

    class Purpose(models.TextChoices):
        HOLD = "hold", _("held for a caller")
        BOOKING = "booking", _("booked")
        MOVE = "move", _("held for a move")

    resource = models.UUIDField(_("resource"))  # a staff member, else the branch
    lanes = IntegerRangeField(_("lanes"))
    during = DateTimeRangeField(_("time"))  # with buffers
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose)
    offer = models.ForeignKey(
        Offer,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="occupancies",
        verbose_name=_("offer"),
    )
    appointment = models.ForeignKey(
        Appointment,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="occupancies",
        verbose_name=_("appointment"),
    )
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)

    class Meta:
        verbose_name = _("occupancy")
        verbose_name_plural = _("occupancies")
        indexes = [
            models.Index(fields=["company", "offer"], name="occupancy_by_offer"),
            models.Index(
                fields=["company", "appointment"], name="occupancy_by_appointment"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()}"


class AppointmentChange(TenantOwned):
    """Who or what changed an appointment: appended, never altered."""

    appointment = models.ForeignKey(
        Appointment,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="changes",
        verbose_name=_("appointment"),
    )
    at = models.DateTimeField(_("at"), auto_now_add=True)
    actor = models.CharField(_("by"), max_length=80)
    what = models.CharField(_("what"), max_length=40)
    before = models.JSONField(_("before"), default=dict)
    after = models.JSONField(_("after"), default=dict)
    why = models.CharField(_("why"), max_length=300, blank=True)
    call = models.ForeignKey(
        Call,
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        related_name="appointment_changes",
        verbose_name=_("call"),
    )
    correlation_id = models.CharField(
        _("correlation id"), max_length=120, blank=True, db_index=True
    )

    class Meta:
        verbose_name = _("change of an appointment")
        verbose_name_plural = _("changes of appointments")

    def __str__(self) -> str:
        return self.what
