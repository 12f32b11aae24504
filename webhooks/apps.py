"""What providers deliver as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    """Names the app as people see it."""

    name = "webhooks"
    verbose_name = _("Deliveries")

    def ready(self) -> None:
        """Let tools read what is signed of a call before a worker has."""
        from integrations.mcp import askers
        from webhooks import unread

        askers.register_unread(unread.of_call)
