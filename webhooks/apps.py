"""What providers deliver as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    """Names the app as people see it."""

    name = "webhooks"
    verbose_name = _("Deliveries")
