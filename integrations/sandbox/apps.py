"""The sandbox as a Django application of its own."""

from __future__ import annotations

from django.apps import AppConfig


class SandboxConfig(AppConfig):
    """Retell and Cal.com, played by us; state in tables that belong to no company."""

    name = "integrations.sandbox"
    label = "sandbox"
    default_auto_field = "django.db.models.BigAutoField"
