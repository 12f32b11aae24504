"""Keys: ours at the providers, and those that machines show us."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from askpro.ids import uuid7
from tenants.fields import EncryptedTextField
from tenants.models.companies import Branch, Company, TenantOwned


class ProviderAccount(models.Model):
    """An account at Cal.com or Retell; without a company the platform's own."""

    class Provider(models.TextChoices):
        CALCOM = "calcom", "Cal.com"
        RETELL = "retell", "Retell"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("company"),
    )
    provider = models.CharField(_("provider"), max_length=16, choices=Provider)
    base_url = models.URLField(_("base URL"), max_length=300)
    api_key = EncryptedTextField(_("API key"), blank=True, default="")
    webhook_secret = EncryptedTextField(_("webhook secret"), blank=True, default="")
    webhook_secret_previous = EncryptedTextField(
        _("previous webhook secret"), blank=True, default=""
    )
    endpoint = models.UUIDField(
        _("endpoint"), default=uuid.uuid4, unique=True, editable=False
    )
    secret_used_at = models.DateTimeField(
        _("webhook secret last used at"), null=True, blank=True, editable=False
    )
    secret_previous_used_at = models.DateTimeField(
        _("previous webhook secret last used at"),
        null=True,
        blank=True,
        editable=False,
    )
    is_active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("provider account")
        verbose_name_plural = _("provider accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["company", "provider"],
                nulls_distinct=False,
                name="one_account_per_company_and_provider",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_provider_display()} ({self.company or _('platform')})"

    @property
    def webhook_secrets(self) -> tuple[str, ...]:
        """The secrets that a delivery may be signed with, two during a rotation."""
        secrets = (self.webhook_secret, self.webhook_secret_previous)
        return tuple(secret for secret in secrets if secret)


class ApiKey(TenantOwned):
    """A key that a machine shows at our doors: only its digest is kept."""

    class Scope(models.TextChoices):
        BOOKING = "booking", _("booking: the tools for callers")
        CALCOM = "calcom", _("calcom: Cal.com for staff")
        RETELL = "retell", _("retell: Retell for staff")
        DATABASE = "database", _("database: read by SQL")
        WEBHOOK = "webhook", _("webhook: deliveries and health")
        REST = "rest", _("rest: the REST interface")

    name = models.CharField(_("name"), max_length=120)
    branch = models.ForeignKey(
        Branch,
        on_delete=models.CASCADE,
        db_constraint=False,
        null=True,
        blank=True,
        related_name="api_keys",
        verbose_name=_("branch"),
        help_text=_("Empty: every branch of the company."),
    )
    prefix = models.CharField(_("prefix"), max_length=40, editable=False)
    #: SHA-256 of the whole key: a random secret needs no slow hash.
    digest = models.BinaryField(max_length=32, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list)
    is_streamed = models.BooleanField(
        _("answers as a stream"),
        default=False,
        help_text=_(
            "For MCP clients that can't read an answer as plain JSON: each comes as a"
            " stream of one event."
        ),
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name=_("created by"),
    )
    expires_at = models.DateTimeField(
        _("expires at"), null=True, blank=True, help_text=_("Empty: never.")
    )
    last_used_at = models.DateTimeField(
        _("last used at"), null=True, blank=True, editable=False
    )
    last_used_from = models.GenericIPAddressField(
        _("last used from"), null=True, blank=True, editable=False
    )
    revoked_at = models.DateTimeField(
        _("revoked at"), null=True, blank=True, editable=False
    )
    #: The key that this one takes the place of; both hold while they overlap.
    replaces = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        db_constraint=False,
        related_name="replaced_by",
        verbose_name=_("replaces"),
    )

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
