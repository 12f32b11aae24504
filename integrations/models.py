"""The two logs of what integrations did: tools answered, providers asked."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from askpro.ids import uuid7
from tenants.models import Company, ProviderAccount


class ToolCall(models.Model):
    """One question of an agent and our answer. Without a company: unresolved."""

    class Door(models.TextChoices):
        FUNCTION = "function", _("function")
        MCP = "mcp", "MCP"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("company"),
    )
    account = models.ForeignKey(
        ProviderAccount,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("account"),
    )
    call_row_id = models.UUIDField(_("call"), null=True)
    correlation_id = models.CharField(
        _("correlation id"), max_length=120, blank=True, db_index=True
    )
    door = models.CharField(_("door"), max_length=16, choices=Door)
    key_prefix = models.CharField(_("key"), max_length=40, blank=True)
    era = models.CharField(_("protocol's era"), max_length=8, blank=True)
    client = models.CharField(_("client, by its own word"), max_length=80, blank=True)
    tool = models.CharField(_("tool"), max_length=80)
    arguments = models.JSONField(_("arguments"), default=dict)  # personal data masked
    unknown_arguments = models.PositiveSmallIntegerField(
        _("unknown arguments"), default=0
    )
    answer = models.JSONField(_("answer"), default=dict)
    code = models.CharField(_("code"), max_length=32)
    is_success = models.BooleanField(_("success"))
    error = models.CharField(_("error"), max_length=300, blank=True)
    at = models.DateTimeField(_("at"))
    duration_ms = models.PositiveIntegerField(_("duration in ms"))
    upstream_ms = models.PositiveIntegerField(_("of which providers, in ms"), default=0)

    class Meta:
        verbose_name = _("tool call")
        verbose_name_plural = _("tool calls")
        indexes = [
            models.Index(fields=["company", "-at"], name="tool_call_by_time"),
            models.Index(fields=["company", "call_row_id"], name="tool_call_by_call"),
        ]

    def __str__(self) -> str:
        return f"{self.tool}: {self.code}"


class ProviderRequest(models.Model):
    """One request that we sent to a provider, and how it ended."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    company = models.ForeignKey(
        Company,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("company"),
    )
    account = models.ForeignKey(
        ProviderAccount,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("account"),
    )
    provider = models.CharField(_("provider"), max_length=16)
    correlation_id = models.CharField(
        _("correlation id"), max_length=120, blank=True, db_index=True
    )
    method = models.CharField(_("method"), max_length=8)
    path = models.CharField(_("path"), max_length=300)  # ids shortened: a uid is secret
    status = models.PositiveSmallIntegerField(_("status"), null=True)
    outcome = models.CharField(_("outcome"), max_length=40)
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=1)
    error = models.CharField(_("error"), max_length=300, blank=True)
    at = models.DateTimeField(_("at"))
    duration_ms = models.PositiveIntegerField(_("duration in ms"))

    class Meta:
        verbose_name = _("provider request")
        verbose_name_plural = _("provider requests")
        indexes = [
            models.Index(fields=["company", "-at"], name="provider_request_by_time")
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class SqlTicket(models.Model):
    """Whose rows a connection of the SQL reader sees, while one query runs.

    The reader's views look here; nobody but the application, in the scope of that
    company, can write it.
    """

    token = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")
    pid = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "sql_ticket"

    def __str__(self) -> str:
        return str(self.pid)
