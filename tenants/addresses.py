"""Where a request came from, as far as our own proxies can tell."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import Protocol

from django.conf import settings

LOOPBACK = {"127.0.0.1", "::1"}
#: What a proxy adds: behind one, everybody seems to sit at this machine.
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_VIA")


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


def is_at_this_machine(request: Asked) -> bool:
    """Tell whether whoever asks sits here, with no proxy or tunnel between."""
    said = request.META
    return said.get("REMOTE_ADDR") in LOOPBACK and not any(map(said.get, _FORWARDED))


@lru_cache(maxsize=4096)
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
