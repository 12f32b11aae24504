"""What is still to be done or to be told after a call."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from bookings.models.appointments import Appointment
from bookings.models.calls import Call
from tenants.models import Branch, Staff, TenantOwned


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
