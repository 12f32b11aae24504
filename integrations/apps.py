"""The providers as a Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate
from django.utils.translation import gettext_lazy as _


class IntegrationsConfig(AppConfig):
    """Registers what only a provider can say about a branch."""

    name = "integrations"
    verbose_name = _("Providers")

    def ready(self) -> None:
        """Register the live checks, and keep the SQL views in step with the tables."""
        from integrations import readiness  # noqa: F401 (its import registers them)
        from integrations.sql import schema

        pre_migrate.connect(schema.before_migrations, sender=self)
        post_migrate.connect(schema.after_migrations, sender=self)
