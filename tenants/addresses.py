"""Where a request came from, as far as our own proxies can tell."""

from __future__ import annotations

import ipaddress
from typing import Protocol

from django.conf import settings


class Asked(Protocol):
    """A request of Django's, or of the REST framework's."""

    @property
    def META(self) -> dict[str, str]:
        """The headers and the connection."""


def client_ip(request: Asked) -> str | None:
    """Return the address of whoever asks; None where it can't be told.

    Each of the ``TRUSTED_PROXY_COUNT`` proxies in front of us adds one address to
    ``X-Forwarded-For``. What stands before those may be invented by the client.
    """
    said: str = request.META.get("REMOTE_ADDR", "")
    if settings.TRUSTED_PROXY_COUNT:
        hops = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(hops) >= settings.TRUSTED_PROXY_COUNT:
            said = _address(hops[-settings.TRUSTED_PROXY_COUNT]) or said
    return _address(said)


def _address(text: str) -> str | None:
    """Return an address without what proxies write around it: brackets, a port."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or found)
