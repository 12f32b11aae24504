"""The roof as a Django app, and the admin site that it mounts."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AskProConfig(AppConfig):
    """Commands, checks and templates that belong to the whole product."""

    name = "askpro"
    default = True

    def ready(self) -> None:
        """Register the checks, and let every thread publish through our Celery app."""
        from askpro import celery, checks  # noqa: F401 (their import registers)
        from askpro.people import sessions

        sessions.listen()


class AskProAdminConfig(admin_apps.AdminConfig):
    """Django's admin with :class:`askpro.admin.AskProAdminSite` as its site."""

    default = False
    default_site = "askpro.admin.AskProAdminSite"

    def ready(self) -> None:
        """Register every page, then ours in the place of other packages'."""
        super().ready()
        from askpro import operator_pages

        operator_pages.register()
