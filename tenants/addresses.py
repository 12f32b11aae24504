"""Where a request came from."""

from __future__ import annotations

from typing import Any


def client_ip(request: Any) -> str | None:
    return request.META.get("REMOTE_ADDR") or None
