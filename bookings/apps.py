"""Calls and what is agreed in them as a Django app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BookingsConfig(AppConfig):
    """Names the app as people see it."""

    name = "bookings"
    verbose_name = _("Appointments")
