"""The admin site that this project mounts."""

from django.contrib.admin.apps import AdminConfig


class AskProAdminConfig(AdminConfig):
    """Django's admin with :class:`askpro.admin.AskProAdminSite` as its site."""

    default_site = "askpro.admin.AskProAdminSite"
