"""What is agreed with a caller, and what blocks time."""

from __future__ import annotations

import uuid

from django.contrib.postgres.fields import DateTimeRangeField, IntegerRangeField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.models import Branch, ProviderAccount, Service, Staff, TenantOwned


class Customer(TenantOwned):
    """Who has appointments. A number is no identity: families share one."""

    name = models.CharField(_("name"), max_length=160)
    phone = models.CharField(_("phone"), max_length=20, null=True, blank=True)
    email = models.EmailField(_("e-mail"), null=True, blank=True)
    notes = models.TextField(_("notes"), blank=True)
    preferred_staff = models.ForeignKey(
        Staff,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="+",
        verbose_name=_("preferred staff member"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    class Meta:
        verbose_name = _("customer")
        verbose_name_plural = _("customers")
        indexes = [
            models.Index(fields=["company", "phone"], name="customer_by_phone"),
            models.Index(fields=["company", "name"], name="customer_by_name"),
        ]

    def __str__(self) -> str:
        return self.name


class Call(TenantOwned):
    """One telephone call, merged from everything that was told about it."""

    class Status(models.TextChoices):
        RINGING = "ringing", _("ringing")
        STARTED = "started", _("under way")
        ENDED = "ended", _("ended")
        ANALYZED = "analyzed", _("analyzed")

    class Outcome(models.TextChoices):
        NONE = "", _("nothing agreed")
        BOOKED = "booked", _("booked")
        MOVED = "moved", _("moved")
        CANCELLED = "cancelled", _("cancelled")
        PENDING = "pending", _("noted")
        CALLBACK = "callback", _("call back")

    #: The order in which a status may rise.
    RANKS = ("ringing", "started", "ended", "analyzed")

    branch = models.ForeignKey(
        Branch,
        on_delete=models.PROTECT,
        db_constraint=False,
        related_name="calls",
        verbose_name=_("branch"),
    )
    account = models.ForeignKey(
        ProviderAccount,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("account"),
    )
    # Null from the first ring to the first event that names it.
    call_id = models.CharField(_("call id"), max_length=120, null=True)
    correlation_id = models.CharField(_("correlation id"), max_length=120)
    direction = models.CharField(_("direction"), max_length=16, default="inbound")
    from_number = models.CharField(_("caller"), max_length=32, blank=True)
    to_number = models.CharField(_("dialled number"), max_length=32, blank=True)
    agent_id = models.CharField(_("agent"), max_length=120, blank=True)
    status = models.CharField(
        _("status"), max_length=16, choices=Status, default=Status.RINGING
    )
    customer = models.ForeignKey(
        Customer,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="calls",
        verbose_name=_("customer"),
    )
    proof_attempts = models.PositiveSmallIntegerField(_("failed proofs"), default=0)
    proven = models.JSONField(_("proven appointments"), default=list)
    rang_at = models.DateTimeField(_("rang at"), auto_now_add=True)
    started_at = models.DateTimeField(_("started at"), null=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)
    outcome = models.CharField(
        _("outcome"), max_length=16, choices=Outcome, blank=True, default=""
    )
    disconnection_reason = models.CharField(
        _("reason for the end"), max_length=80, blank=True
    )
    opinion = models.JSONField(_("the provider's opinion"), default=dict)
    summary = models.TextField(_("summary"), blank=True)
    transcript = models.TextField(_("transcript"), blank=True)
    is_rehearsal = models.BooleanField(_("rehearsal"), default=False)

    class Meta:
        verbose_name = _("call")
        verbose_name_plural = _("calls")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "call_id"], name="call_once_per_account"
            ),
            models.UniqueConstraint(
                fields=["company", "correlation_id"],
                name="correlation_id_once_per_company",
            ),
        ]
        indexes = [models.Index(fields=["company", "-rang_at"], name="call_by_time")]

    def __str__(self) -> str:
        return self.call_id or self.correlation_id


class Offer(TenantOwned):
    """A time that was spoken to a caller."""

    call = models.ForeignKey(
        Call,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="offers",
        verbose_name=_("call"),
    )
    short_id = models.CharField(_("short id"), max_length=12)
    service = models.ForeignKey(
        Service,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="+",
        verbose_name=_("service"),
    )
    staff = models.ForeignKey(
        Staff,
        on_delete=models.SET_NULL,
        null=True,
        db_constraint=False,
        related_name="+",
        verbose_name=_("staff member"),
    )
    starts_at = models.DateTimeField(_("starts at"))
    rank = models.PositiveSmallIntegerField(_("rank"))
    held_until = models.DateTimeField(_("held until"))
    offered_at = models.DateTimeField(_("offered at"), auto_now_add=True)
    accepted_at = models.DateTimeField(_("accepted at"), null=True)

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "call", "short_id"], name="offer_id_once_per_call"
            )
        ]

    def __str__(self) -> str:
        return self.short_id


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


class Callback(TenantOwned):
    """What a person must do, by when."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        DONE = "done", _("done")

    class Kind(models.TextChoices):
        REQUESTED = "requested", _("asked for")
        DECLINED = "declined", _("could not be booked")
        NOT_READY = "not_ready", _("the branch was not ready")
        UNREACHED = "unreached", _("could not be told")

    branch = models.ForeignKey(
        Branch,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="callbacks",
        verbose_name=_("branch"),
    )
    call = models.ForeignKey(
        Call,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="callbacks",
        verbose_name=_("call"),
    )
    appointment = models.ForeignKey(
        Appointment,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="callbacks",
        verbose_name=_("appointment"),
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    name = models.CharField(_("name"), max_length=160, blank=True)
    phone = models.CharField(_("phone"), max_length=32, blank=True)
    reason = models.TextField(_("reason"), blank=True)
    due_at = models.DateTimeField(_("due at"))
    state = models.CharField(
        _("state"), max_length=16, choices=State, default=State.OPEN
    )
    assigned_to = models.ForeignKey(
        Staff,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="callbacks",
        verbose_name=_("responsible"),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)

    class Meta:
        verbose_name = _("callback")
        verbose_name_plural = _("callbacks")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "call"],
                condition=Q(state="open"),
                name="one_open_callback_per_call",
            )
        ]
        indexes = [
            models.Index(fields=["company", "state", "due_at"], name="callback_by_due")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display()})"


class Notification(TenantOwned):
    """A message to a customer: a row with a due time, sent by a worker."""

    class State(models.TextChoices):
        DUE = "due", _("waiting")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        SKIPPED = "skipped", _("not wanted any more")
        DEAD = "dead", _("failed")

    class Kind(models.TextChoices):
        BOOKED = "booked", _("confirmation")
        MOVED = "moved", _("confirmation of a move")
        CANCELLED = "cancelled", _("confirmation of a cancellation")

    appointment = models.ForeignKey(
        Appointment,
        on_delete=models.CASCADE,
        db_constraint=False,
        related_name="notifications",
        verbose_name=_("appointment"),
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    revision = models.PositiveIntegerField(_("revision"))
    channel = models.CharField(_("channel"), max_length=16, default="email")
    recipient = models.CharField(_("recipient"), max_length=254, blank=True)
    state = models.CharField(
        _("state"), max_length=16, choices=State, default=State.DUE
    )
    due_at = models.DateTimeField(_("due at"))
    next_try_at = models.DateTimeField(_("next try at"), null=True)
    leased_until = models.DateTimeField(_("leased until"), null=True)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True)

    class Meta:
        verbose_name = _("notification")
        verbose_name_plural = _("notifications")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "appointment", "kind", "revision"],
                name="notification_once_per_change",
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=["due", "sending"]),
                name="notification_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display()})"
