"""HTTP as Retell speaks it: compact JSON, signed over exactly the bytes sent.

Written apart from our own verification, with the standard library alone: if
both sides shared code, a mistake in it would agree with itself.
Source: https://docs.retellai.com/features/secure-webhook
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

SIGNATURE = "X-Retell-Signature"


@dataclass(frozen=True)
class Reply:
    """What came back; ``status`` is 0 where nothing did."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    error: str = ""
    duration_ms: int = 0

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> Any:
        """Return the body's value, or None where it is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def compact(value: Any) -> bytes:
    """Write JSON as Retell does: no spaces, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def signature(raw: bytes, key: str, at_ms: int) -> str:
    """Return the header's value for a body that is sent at ``at_ms``."""
    mac = hmac.new(key.encode("utf-8"), digestmod=hashlib.sha256)
    mac.update(raw)
    mac.update(str(at_ms).encode("ascii"))
    return f"v={at_ms},d={mac.hexdigest()}"


def send(
    method: str,
    url: str,
    raw: bytes | None = None,
    *,
    headers: dict[str, str] | None = None,
    timeout_s: float = 10.0,
) -> Reply:
    """Send one request over a connection of its own; never raise for the network.

    ``timeout_s`` bounds the connection and each read.
    """
    address = urlsplit(url)
    kind = (
        http.client.HTTPSConnection
        if address.scheme == "https"
        else http.client.HTTPConnection
    )
    connection = kind(address.hostname or "", address.port, timeout=timeout_s)
    target = address.path or "/"
    if address.query:
        target += f"?{address.query}"
    sent = {"Content-Type": "application/json"} if raw is not None else {}
    begun = time.monotonic()
    try:
        connection.request(method, target, body=raw, headers=sent | (headers or {}))
        answer = connection.getresponse()
        body, status = answer.read(), answer.status
        received = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(status, body, received, duration_ms=_ms_since(begun))
    except (OSError, http.client.HTTPException) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        return Reply(0, error=reason, duration_ms=_ms_since(begun))
    finally:
        connection.close()


def _ms_since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
