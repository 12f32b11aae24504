"""What was done, by whom: written once, never changed."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from askpro.ids import uuid7
from tenants.models.companies import Company


class AuditEntry(models.Model):
    """One act. Without a company it concerns the platform alone.

    ``changes`` is ``{column: [old, new]}``; a secret or a person's data is told as
    changed, ``{column: true}``, never as what it was or is.
    """

    class Actor(models.TextChoices):
        PERSON = "person", _("person")
        KEY = "key", _("API key")
        PROVIDER = "provider", _("provider")
        SYSTEM = "system", _("AskPro itself")

    class Action(models.TextChoices):
        ADDED = "added", _("added")
        CHANGED = "changed", _("changed")
        DELETED = "deleted", _("deleted")
        SIGNED_IN = "signed_in", _("signed in")
        SIGN_IN_FAILED = "sign_in_failed", _("sign-in failed")
        SIGNED_OUT = "signed_out", _("signed out")
        PASSWORD = "password", _("password changed")
        SECOND_FACTOR = "second_factor", _("second factor changed")
        KEY_USED = "key_used", _("key used")
        EXPORTED = "exported", _("exported")
        QUERIED = "queried", _("queried by SQL")
        READ = "read", _("transcript or payload read")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("company"),
    )
    at = models.DateTimeField(_("at"), db_default=Now())
    actor = models.CharField(_("who"), max_length=16, choices=Actor)
    #: A user name, a key's prefix, a provider, a task or a command.
    actor_name = models.CharField(_("name"), max_length=160, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    correlation_id = models.CharField(_("correlation id"), max_length=120, blank=True)
    action = models.CharField(_("action"), max_length=16, choices=Action)
    #: A table, or what the action was about.
    subject = models.CharField(_("what"), max_length=80, blank=True)
    subject_id = models.CharField(_("id"), max_length=80, blank=True)
    changes = models.JSONField(_("changes"), default=dict)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit trail")
        ordering = ("-at",)
        indexes = [
            models.Index(fields=["company", "-at"], name="audit_of_company"),
            models.Index(
                fields=["company", "subject", "subject_id"], name="audit_of_subject"
            ),
            BrinIndex(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return str(self.get_action_display())


class IsolationRun(models.Model):
    """One run of the break-in test: what was tried, and what held.

    A global table: it names ways and never a company's row, so every owner may see it.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    started_at = models.DateTimeField(_("started at"))
    duration_ms = models.PositiveIntegerField(_("duration in ms"))
    tried = models.PositiveIntegerField(_("ways tried"))
    refused = models.PositiveIntegerField(_("ways refused"))
    #: ``[{"way", "door", "outcome", "detail"}]``; outcome: refused, open or failed.
    ways = models.JSONField(_("ways"), default=list)

    class Meta:
        verbose_name = _("break-in test")
        verbose_name_plural = _("break-in tests")
        ordering = ("-started_at",)

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}: {self.refused}/{self.tried}"
