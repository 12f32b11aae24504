"""The providers as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Registers what only a provider can say about a branch."""

    name = "integrations"
    verbose_name = _("Providers")

    def ready(self) -> None:
        """Register the live checks."""
        from integrations import readiness  # noqa: F401 (its import registers them)
