"""Who called, and which times were spoken."""

from __future__ import annotations

from django.db import models
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
        LOST = "lost", _("ended, nobody told us")

    class Outcome(models.TextChoices):
        NONE = "", _("nothing agreed")
        BOOKED = "booked", _("booked")
        MOVED = "moved", _("moved")
        CANCELLED = "cancelled", _("cancelled")
        PENDING = "pending", _("noted")
        CALLBACK = "callback", _("call back")

    #: The order in which a status may rise: what comes late corrects a lost call.
    RANKS = ("ringing", "started", "lost", "ended", "analyzed")

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
    #: By when the next event should have come; null: none is missing.
    expects_at = models.DateTimeField(_("expected at"), null=True, editable=False)

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
        indexes = [
            models.Index(fields=["company", "-rang_at"], name="call_by_time"),
            models.Index(
                fields=["expects_at"],
                condition=models.Q(expects_at__isnull=False),
                name="call_that_lacks_an_event",
            ),
        ]

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
    # The day that was asked for: models repeat it beside the time that was offered.
    wished_on = models.DateField(_("asked for"), null=True)
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
