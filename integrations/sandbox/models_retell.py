"""What the sandbox's Retell workspace remembers."""

from __future__ import annotations

from django.db import models


class RetellRecord(models.Model):
    """One object of the workspace, kept as the JSON that its endpoint answers."""

    class Kind(models.TextChoices):
        WORKSPACE = "workspace", "workspace"
        AGENT = "agent", "agent"
        LLM = "llm", "LLM"
        NUMBER = "number", "phone number"
        CALL = "call", "call"
        AGENT_VERSION = "agent_version", "earlier version of an agent"
        LLM_VERSION = "llm_version", "earlier version of an LLM"
        LEVER = "lever", "order to misbehave"

    kind = models.CharField(max_length=16, choices=Kind)
    identifier = models.CharField(max_length=100)
    body = models.JSONField()

    class Meta:
        db_table = "sandbox_retell_record"
        constraints = (
            models.UniqueConstraint(
                fields=("kind", "identifier"), name="sandbox_retell_record_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.identifier}"
