"""How the wall stands, in a sentence; what nobody knows is not called fine."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from tenants.models import IsolationRun

#: A nightly test that is older than this did not run.
STALE_AFTER = timedelta(hours=36)


def sentence(run: IsolationRun | None) -> tuple[str, str]:
    """Return how it stands (ok, open, unknown), and the same in words."""
    if run is None:
        return "unknown", gettext("The break-in test has not run yet.")
    at = date_format(timezone.localtime(run.started_at), "j. F, H:i")
    if run.refused < run.tried:
        return "open", gettext(
            "On %(at)s, %(open)d of %(tried)d ways between companies were not refused."
        ) % {"at": at, "open": run.tried - run.refused, "tried": run.tried}
    if timezone.now() - run.started_at > STALE_AFTER:
        return "unknown", gettext(
            "The break-in test last ran on %(at)s: nobody knows how it stands today."
        ) % {"at": at}
    return "ok", gettext(
        "On %(at)s, %(tried)d ways from one company to another were tried,"
        " and all were refused."
    ) % {"at": at, "tried": run.tried}


def last_run() -> IsolationRun | None:
    """Return the newest result."""
    return IsolationRun.objects.order_by("-started_at").first()
