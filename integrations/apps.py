"""The providers as a Django app."""

from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    """Registers what only a provider can say about a branch."""

    name = "integrations"

    def ready(self) -> None:
        """Register the live checks."""
        from integrations import readiness  # noqa: F401 (its import registers them)
