"""Companies and their set-up as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenantsConfig(AppConfig):
    """Names the app as people see it."""

    name = "tenants"
    verbose_name = _("Set-up")

    def ready(self) -> None:
        """Keep secrets out of what serializers answer; write down who signs in."""
        from tenants import serializer_fields, sign_ins

        serializer_fields.register()
        sign_ins.listen()
