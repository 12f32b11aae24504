"""Celery's clock: it sends the sweeps."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from askpro.celery import app
from askpro.checks import permit
from askpro.lasting import lasting


class Command(BaseCommand):
    """Send what is due until SIGINT or SIGTERM. One of it is enough."""

    help = "Run the clock that sends the sweeps each second."

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Tick; begin anew where the clock broke."""
        with lasting():
            permit(self)
            app.Beat(loglevel="WARNING", max_interval=1, pidfile=None).run()
