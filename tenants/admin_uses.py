"""When something was last used, in words."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

from tenants.models import ApiKey, ProviderAccount

#: The previous secret of an account has had its day after so long a silence.
SILENT_FOR = timedelta(days=1)


def ago(at: datetime) -> SafeString:
    """Return how long ago that was; the moment itself on hover."""
    minutes = max(0, int((timezone.now() - at).total_seconds())) // 60
    if minutes < 1:
        words = gettext("just now")
    elif minutes < 60:
        words = gettext("%(count)d min ago") % {"count": minutes}
    elif minutes < 48 * 60:
        words = gettext("%(count)d h ago") % {"count": minutes // 60}
    else:
        days = minutes // (24 * 60)
        words = ngettext("%(count)d day ago", "%(count)d days ago", days)
        words %= {"count": days}
    moment = date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), moment, words
    )


def of_key(key: ApiKey) -> SafeString | str:
    """Return when a machine last showed its key, and from where."""
    if key.last_used_at is None:
        return gettext("never")
    if not key.last_used_from:
        return ago(key.last_used_at)
    return format_html(
        gettext("{when} from {address}"),
        when=ago(key.last_used_at),
        address=key.last_used_from,
    )


def of_secrets(account: ProviderAccount) -> SafeString | str:
    """Return when the webhook secrets were last used, and which can be forgotten."""
    if not account.webhook_secrets:
        return "–"
    lines = []
    if account.webhook_secret:
        lines.append(_line(gettext("webhook secret"), account.secret_used_at))
    if account.webhook_secret_previous:
        at = account.secret_previous_used_at
        line = _line(gettext("previous webhook secret"), at)
        lines.append(format_html("{} {}", line, _verdict(account)))
    return format_html("{}" + "<br>{}" * (len(lines) - 1), *lines)


def _line(name: str, at: datetime | None) -> SafeString:
    when = ago(at) if at else gettext("never")
    return format_html(gettext("{name} last used: {when}."), name=name, when=when)


def _verdict(account: ProviderAccount) -> str:
    new, old = account.secret_used_at, account.secret_previous_used_at
    if new is None:
        return gettext("Keep it: the new one has not been used yet.")
    if old is not None and timezone.now() - old < SILENT_FOR:
        return gettext("Keep it: it is still in use.")
    return gettext("It can be forgotten.")
