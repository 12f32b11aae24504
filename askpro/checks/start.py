"""The checks where a process really starts, whatever starts it."""

from __future__ import annotations

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error
from django.core.management.base import BaseCommand, SystemCheckError
from django.db import connections

#: Variables that no request may carry along.
SECRETS = (
    "CALCOM_API_KEY",
    "CALCOM_WEBHOOK_SECRETS",
    "DATABASE_OWNER_URL",
    "DATABASE_READER_URL",
    "DATABASE_URL",
    "EMAIL_URL",
    "FIELD_ENCRYPTION_KEYS",
    "METRICS_TOKEN",
    "REDIS_URL",
    "RETELL_API_KEY",
    "RETELL_WEBHOOK_KEYS",
    "SECRET_KEY",
)


class Unfit(SystemExit):
    """Production must not start like this; the message says what to mend."""


def permit(command: BaseCommand) -> None:
    """Let a command serve, in production only if everything is fit for it.

    :raises SystemCheckError: nothing was started; the message says what to mend.
    """
    command.check(databases=["default"])
    found = of_a_server()
    if found:
        raise SystemCheckError("\n".join(str(one) for one in found))


def demand() -> None:
    """Let a web process, a worker or the clock start, in production only if it is fit.

    For those that start without our commands: another WSGI server, Celery's own
    program. The pool that the checks filled is closed: a server may fork next.

    :raises Unfit: nothing was started.
    """
    if not settings.IS_PRODUCTION:
        return
    try:
        found = [*checks.run_checks(databases=["default"]), *of_a_server()]
    finally:
        close()
    serious = [one for one in found if one.is_serious()]
    if serious:
        raise Unfit("\n".join(str(one) for one in serious))


def of_a_server() -> list[CheckMessage]:
    """Return what only a process that serves must not have."""
    if not settings.IS_PRODUCTION or "owner" not in settings.DATABASES:
        return []
    return [
        Error(
            "DATABASE_OWNER_URL is known to a process that serves: whoever breaks into"
            " it could take the wall down.",
            "Give it to `migrate` alone, as compose.yaml does.",
            id="askpro.E011",
        )
    ]


def close() -> None:
    """Close every connection, and the pool, of this process."""
    for connection in connections.all(initialized_only=True):
        connection.close()
        if hasattr(connection, "close_pool"):
            connection.close_pool()
