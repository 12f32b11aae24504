"""Commands that production refuses, however they are called."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError


class NotInProduction(BaseCommand):
    """A command that empties, overwrites or invents data.

    First among the bases of a command: it is refused by ``manage.py``, ``django-admin``
    and ``call_command`` alike, before it did anything.
    """

    def execute(self, *arguments: Any, **options: Any) -> str | None:
        """Run, where the data may be lost.

        :raises CommandError: this is production; nothing was done.
        """
        if settings.IS_PRODUCTION:
            raise CommandError(
                "Production refuses this command: it empties, overwrites or invents"
                " data. Work on a copy of a backup (docs/operations.md)."
            )
        return super().execute(*arguments, **options)
