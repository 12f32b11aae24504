"""Who asks Cal.com: keys, their budget, and what is refused without one."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from integrations.sandbox import installation
from integrations.sandbox.calcom_errors import Refusal
from integrations.sandbox.calcom_routes import Access
from integrations.sandbox.exchange import Request
from integrations.sandbox.models import CalcomApiKey, CalcomUser

LIMIT = 120
WINDOW_S = 60
ANONYMOUS = "anonymous"
NO_CREDENTIALS = (
    "PermissionsGuard - no authentication provided. Provide either authorization"
    " bearer token containing managed user access token or oAuth client id in"
    " 'x-cal-client-id' header."
)
NO_METHOD = (
    "ApiAuthStrategy - No authentication method provided. Either pass an API key as"
    " 'Bearer' header or OAuth client credentials as 'x-cal-secret-key' and"
    " 'x-cal-client-id' headers"
)


@dataclass(frozen=True)
class Budget:
    """What is left of a key's minute."""

    remaining: int
    reset_s: int
    is_blocked: bool


def bearer(request: Request) -> str:
    """Return the token, empty where there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def known_key(token: str) -> CalcomApiKey | None:
    """Return the key's row; None for what is no API key.

    :raises Refusal: it looks like a key and is none; this comes before all else.
    """
    if not token.startswith("cal_"):
        return None
    for _ in range(2):
        key = CalcomApiKey.objects.filter(key=token).select_related("user").first()
        if key is not None:
            return key
        if not installation.owns(token):
            break
        installation.ensure()  # the tables were emptied under a running server
    raise Refusal(401, "CustomThrottlerGuard - Invalid API Key")


def spend(token: str) -> Budget:
    """Count a request; a key that asked too often is blocked for a minute."""
    limit = installation.current().rate_limit or 1_000_000
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO sandbox_calcom_api_key AS k (key, hits, window_at)"
            " VALUES (%(key)s, 1, now()) ON CONFLICT (key) DO UPDATE SET"
            "  hits = CASE WHEN k.blocked_until > now() THEN k.hits"
            "   WHEN k.window_at IS NULL OR k.blocked_until <= now()"
            "    OR k.window_at < now() - make_interval(secs => %(window)s) THEN 1"
            "   ELSE k.hits + 1 END,"
            "  window_at = CASE WHEN k.blocked_until > now() THEN k.window_at"
            "   WHEN k.window_at IS NULL OR k.blocked_until <= now()"
            "    OR k.window_at < now() - make_interval(secs => %(window)s)"
            "    THEN now() ELSE k.window_at END,"
            "  blocked_until = CASE WHEN k.blocked_until > now() THEN k.blocked_until"
            "   WHEN k.blocked_until IS NULL AND k.hits >= %(limit)s AND"
            "    k.window_at >= now() - make_interval(secs => %(window)s)"
            "    THEN now() + make_interval(secs => %(window)s) END"
            " RETURNING hits, ceil(extract(epoch FROM window_at - now()))::int,"
            "  ceil(extract(epoch FROM blocked_until - now()))::int",
            {"key": token, "window": WINDOW_S, "limit": limit},
        )
        hits, age_s, blocked_s = cursor.fetchone()
    if blocked_s is not None and blocked_s > 0:
        return Budget(0, blocked_s, is_blocked=True)
    return Budget(max(LIMIT - hits, 0), max(WINDOW_S + age_s, 1), is_blocked=False)


def check(access: Access, token: str, key: CalcomApiKey | None) -> CalcomUser | None:
    """Return who asks, None for strangers at an open door.

    :raises Refusal: this door is closed to them.
    """
    if access is Access.PERMITTED and not token:
        raise Refusal(403, NO_CREDENTIALS)
    if access is Access.PERMITTED and key is None:
        raise Refusal(
            403,
            f"PermissionsGuard - no oAuth client found for access token={token}",
        )
    if access is Access.SIGNED_IN and not token:
        raise Refusal(401, NO_METHOD)
    if token and key is None:
        raise Refusal(401, "ApiAuthStrategy - access token - Invalid access token.")
    if key is None:
        return None
    if key.expires_at is not None and key.expires_at <= timezone.now():
        raise Refusal(401, "ApiAuthStrategy - api key - Your api key is expired")
    return key.user
