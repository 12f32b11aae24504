"""What providers delivered, and every try at working on it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from askpro.ids import uuid7
from tenants.models import Company, ProviderAccount


class WebhookLog(models.Model):
    """One delivery. Without a company it is unresolved; only operators see it."""

    class State(models.TextChoices):
        RECEIVED = "received", _("received")
        PROCESSING = "processing", _("in progress")
        DONE = "done", _("done")
        IGNORED = "ignored", _("ignored")
        UNRESOLVED = "unresolved", _("unresolved")
        RETRYING = "retrying", _("waiting")
        DEAD = "dead", _("failed")

    class Source(models.TextChoices):
        WEBHOOK = "webhook", _("webhook")
        POLL = "poll", _("asked for")

    class Reason(models.TextChoices):
        """Why nobody works on it any more, or not yet."""

        NEVER = "never", _("will never work")
        LATER = "later", _("may work later")
        PERSON = "person", _("needs a person")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,  # delivery_by_time begins with it
        related_name="+",
        verbose_name=_("company"),
    )
    account = models.ForeignKey(
        ProviderAccount,
        on_delete=models.PROTECT,
        db_index=False,  # delivery_once begins with it
        related_name="+",
        verbose_name=_("account"),
    )
    provider = models.CharField(_("provider"), max_length=16)
    event = models.CharField(_("event"), max_length=64)
    external_key = models.BinaryField(_("key"), max_length=32)
    call_id = models.CharField(_("call id"), max_length=120, blank=True)
    correlation_id = models.CharField(_("correlation id"), max_length=120, blank=True)
    state = models.CharField(
        _("state"), max_length=16, choices=State, default=State.RECEIVED
    )
    source = models.CharField(
        _("source"), max_length=16, choices=Source, db_default="webhook"
    )
    #: Whose turn it takes: a dialled number, else the account.
    share = models.CharField(_("share"), max_length=40, blank=True, db_default="")
    address = models.GenericIPAddressField(_("address"), null=True)
    reason = models.CharField(
        _("reason"), max_length=16, choices=Reason, blank=True, db_default=""
    )
    received_at = models.DateTimeField(_("received at"))
    finished_at = models.DateTimeField(_("finished at"), null=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_try_at = models.DateTimeField(_("next try at"), null=True)
    leased_until = models.DateTimeField(_("leased until"), null=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "external_key"], name="delivery_once"
            )
        ]
        indexes = [
            models.Index(fields=["company", "-received_at"], name="delivery_by_time"),
            models.Index(fields=["correlation_id"], name="delivery_of_story"),
            models.Index(
                fields=["next_try_at"],
                condition=Q(state__in=["received", "processing", "retrying"]),
                name="delivery_due",
            ),
            # The workers go round the shares: see claims.
            models.Index(
                fields=["share", "next_try_at"],
                condition=Q(state__in=["received", "processing", "retrying"]),
                name="delivery_due_of_share",
            ),
            models.Index(
                fields=["account", "call_id"],
                condition=Q(state="processing"),
                name="delivery_in_progress",
            ),
            # What a person looks for, and what waits for its number.
            models.Index(
                fields=["state", "received_at"],
                condition=Q(state__in=["dead", "unresolved"]),
                name="delivery_failed",
            ),
            # For a period's figures and for forgetting; costs the door next to nothing.
            BrinIndex(fields=["received_at"], name="delivery_of_period"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.event}"


class WebhookBody(models.Model):
    """The very bytes of a delivery: verified once, never re-encoded."""

    log = models.OneToOneField(
        WebhookLog,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="body",
        verbose_name=_("delivery"),
    )
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("company"),
    )
    raw = models.BinaryField(_("raw"))
    headers = models.JSONField(_("headers"), db_default={})

    class Meta:
        verbose_name = _("body of a delivery")
        verbose_name_plural = _("bodies of deliveries")


class WebhookAttempt(models.Model):
    """One try at working on a delivery."""

    class Outcome(models.TextChoices):
        DONE = "done", _("done")
        IGNORED = "ignored", _("ignored")
        UNRESOLVED = "unresolved", _("unresolved")
        FAILED = "failed", _("failed")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    log = models.ForeignKey(
        WebhookLog,
        on_delete=models.CASCADE,
        related_name="tries",
        verbose_name=_("delivery"),
    )
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("company"),
    )
    number = models.PositiveSmallIntegerField(_("number"))
    started_at = models.DateTimeField(_("started at"))
    duration_ms = models.PositiveIntegerField(_("duration in ms"))
    outcome = models.CharField(_("outcome"), max_length=16, choices=Outcome)
    error = models.CharField(_("error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("try")
        verbose_name_plural = _("tries")

    def __str__(self) -> str:
        return f"{self.number}: {self.get_outcome_display()}"


class WebhookPause(models.Model):
    """Deliveries of a provider, an account or a company are kept and wait."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    #: With a company the owner's; without one an operator's.
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("company"),
    )
    provider = models.CharField(_("provider"), max_length=16, blank=True)
    account = models.ForeignKey(
        ProviderAccount,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("account"),
    )
    why = models.CharField(_("why"), max_length=300)
    paused_by = models.CharField(_("paused by"), max_length=160, blank=True)
    paused_at = models.DateTimeField(_("paused at"), auto_now_add=True)
    resumed_at = models.DateTimeField(_("resumed at"), null=True, editable=False)
    resumed_by = models.CharField(
        _("resumed by"), max_length=160, blank=True, editable=False, db_default=""
    )
    resumed_why = models.CharField(
        _("why resumed"), max_length=300, blank=True, editable=False, db_default=""
    )

    class Meta:
        verbose_name = _("pause of deliveries")
        verbose_name_plural = _("pauses of deliveries")
        constraints = [
            models.CheckConstraint(
                condition=~Q(provider="")
                | Q(account__isnull=False)
                | Q(company__isnull=False),
                name="a_pause_names_what_waits",
            ),
            # It would hold everybody's deliveries, whoever's account stood beside it.
            models.CheckConstraint(
                condition=Q(provider="")
                | Q(account__isnull=True, company__isnull=True),
                name="a_provider_is_paused_alone",
                violation_error_message=_(
                    "A provider is paused for everybody: leave company and account"
                    " empty."
                ),
            ),
        ]

    def __str__(self) -> str:
        return str(self.provider or self.account or self.company)


class ProviderPoll(models.Model):
    """How far an account was asked for what it did not tell by itself."""

    account = models.OneToOneField(
        ProviderAccount,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="+",
        verbose_name=_("account"),
    )
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("company"),
    )
    #: What changed before this is known.
    polled_until = models.DateTimeField(_("known until"))
    asked_at = models.DateTimeField(_("asked at"))
    #: When a poll last found what no delivery had told.
    found_at = models.DateTimeField(_("found something at"), null=True)
    last_error = models.CharField(_("last error"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("poll of a provider")
        verbose_name_plural = _("polls of providers")

    def __str__(self) -> str:
        return str(self.account)


class WebhookCount(models.Model):
    """What came and what became of it: by minute, later by day, then by month.

    Written by the processes that saw it, about once a second: one that is killed takes
    its last second of counting with it, never a delivery.
    """

    #: Upper bounds of the buckets of acknowledgement times, in ms; the last has none.
    BOUNDS_MS = (5, 10, 25, 50, 100, 250, 1000)

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    account = models.ForeignKey(
        ProviderAccount,
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("account"),
    )
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("company"),
    )
    event = models.CharField(_("event"), max_length=64)
    at = models.DateTimeField(_("minute"))
    received = models.PositiveIntegerField(_("received"), default=0)
    duplicates = models.PositiveIntegerField(_("duplicates"), default=0)
    processed = models.PositiveIntegerField(_("processed"), default=0)
    failed = models.PositiveIntegerField(_("failed"), default=0)
    failed_never = models.PositiveIntegerField(_("will never work"), db_default=0)
    failed_later = models.PositiveIntegerField(_("may work later"), db_default=0)
    failed_person = models.PositiveIntegerField(_("needs a person"), db_default=0)
    #: How many were acknowledged within each bound.
    acknowledged = ArrayField(
        models.PositiveIntegerField(), verbose_name=_("acknowledged within")
    )

    class Meta:
        verbose_name = _("count of deliveries")
        verbose_name_plural = _("counts of deliveries")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "event", "at"], name="count_once_per_minute"
            )
        ]
        indexes = [models.Index(fields=["company", "-at"], name="count_by_time")]

    def __str__(self) -> str:
        return f"{self.event} {self.at:%Y-%m-%d %H:%M}"
