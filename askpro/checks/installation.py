"""Settings that are fine on a laptop only."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.http.request import validate_host

MODES = ("demo", "test", "production")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SHORTEST_SECRET = 32
#: Fewer different characters are no secret; what Django demands too.
FEWEST_CHARACTERS = 5
#: A key of 32 bytes that was drawn by lot has about thirty different ones.
FEWEST_BYTES = 12
#: Words of secrets that people copy from examples.
EXAMPLES = ("unsafe", "insecure", "example", "change", "secret", "password", "askpro")
FERNET_BYTES = 32
#: More proxies than anybody has in a row: the count is a mistake, and a wrong one
#: lets clients choose the address that they are known by.
MOST_PROXIES = 5


@register(Tags.security)
def production_settings(
    app_configs: Sequence[AppConfig] | None, **_: Any
) -> list[CheckMessage]:
    """Refuse settings that are fine on a laptop only."""
    if settings.ASKPRO_MODE not in MODES:
        # A misspelt "production" would be none, and start with everything unsafe.
        return [
            Error(
                f"ASKPRO_MODE is none of {', '.join(MODES)}.",
                "Set ASKPRO_MODE=production.",
                id="askpro.E018",
            )
        ]
    if not settings.IS_PRODUCTION:
        return []
    return [*_secrets(), *_addresses(), *_proxies(), *_mail()]


def _secrets() -> Iterator[CheckMessage]:
    secret_key = _secret_key()
    if is_weak(secret_key):
        yield Error(
            "SECRET_KEY is empty, weak or an example.",
            "Set 50 random characters.",
            id="askpro.E001",
        )
    if not any(settings.FIELD_ENCRYPTION_KEYS):
        yield Error(
            "FIELD_ENCRYPTION_KEYS is empty.", "Set a Fernet key.", id="askpro.E002"
        )
    elif any(
        is_no_field_key(key, beside=secret_key)
        for key in settings.FIELD_ENCRYPTION_KEYS
    ):
        yield Error(
            "FIELD_ENCRYPTION_KEYS has a key that is none, is an example, or is"
            " SECRET_KEY.",
            "Draw one by lot: docs/operations.md has the line.",
            id="askpro.E010",
        )
    if settings.DEBUG:
        yield Error("DEBUG is on.", "Switch it off.", id="askpro.E003")


def _secret_key() -> str:
    """Return the key; Django refuses to tell an empty one."""
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def is_weak(secret: str) -> bool:
    """Tell whether a secret is short, monotonous or copied from an example."""
    said = secret.lower()
    return (
        len(secret) < SHORTEST_SECRET
        or len(set(secret)) < FEWEST_CHARACTERS
        or any(said.startswith(word) for word in ("django-insecure", *EXAMPLES))
    )


def is_no_field_key(key: str, *, beside: str) -> bool:
    """Tell whether a key can't be one that was drawn by lot for our fields alone."""
    try:
        drawn = base64.urlsafe_b64decode(key.encode())
    except (binascii.Error, ValueError):
        return True
    return len(drawn) != FERNET_BYTES or len(set(drawn)) < FEWEST_BYTES or key == beside


def _addresses() -> Iterator[CheckMessage]:
    hosts = [host.strip() for host in settings.ALLOWED_HOSTS if host.strip()]
    if not hosts or {"*", "."} & set(hosts):
        yield Error(
            "ALLOWED_HOSTS is empty or lets every host name in.",
            "Name the hosts that the proxy serves, for example askpro.example.com.",
            id="askpro.E008",
        )
        return
    base = urlsplit(settings.PUBLIC_BASE_URL)
    if base.scheme != "https" or not validate_host(base.hostname or "", hosts):
        yield Error(
            "PUBLIC_BASE_URL is not https, or its host is not in ALLOWED_HOSTS.",
            "Set the address that browsers and providers use, for example"
            " https://askpro.example.com.",
            id="askpro.E009",
        )


def _proxies() -> Iterator[CheckMessage]:
    count = settings.TRUSTED_PROXY_COUNT
    if not 0 <= count <= MOST_PROXIES:
        yield Error(
            f"TRUSTED_PROXY_COUNT is {count}: nobody has that many proxies in a row.",
            "Count those of your own that each request passes; usually 1.",
            id="askpro.E017",
        )
    elif count == 0:
        yield Warning(
            "TRUSTED_PROXY_COUNT is 0: browsers are sent to https again and again, and"
            " every request seems to come from the proxy.",
            "Set the number of proxies in front, usually 1.",
            id="askpro.W002",
        )


def _mail() -> Iterator[CheckMessage]:
    if "smtp" not in settings.EMAIL_BACKEND:
        yield Warning(
            "Confirmations are written to files: no customer gets one.",
            "Set EMAIL_URL, for example smtp+tls://user:password@host:587.",
            id="askpro.W001",
        )
