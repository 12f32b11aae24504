"""Retell's request signature: HMAC-SHA256 over the raw body and a timestamp.

Source: https://docs.retellai.com/features/secure-webhook
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable

TOLERANCE_MS = 300_000
_HEADER = re.compile(r"v=([0-9]{1,16}),d=([0-9a-f]{64})")


def sign(raw: bytes, key: str, *, now_ms: int) -> str:
    """Return the value of ``X-Retell-Signature`` for these bytes."""
    return f"v={now_ms},d={_digest(raw, key, str(now_ms))}"


def verify(raw: bytes, header: str | None, keys: Iterable[str], *, now_ms: int) -> bool:
    """Tell whether one of ``keys`` signed exactly these bytes within five minutes."""
    return signer(raw, header, keys, now_ms=now_ms) is not None


def signer(
    raw: bytes, header: str | None, keys: Iterable[str], *, now_ms: int
) -> str | None:
    """Return which of ``keys`` signed exactly these bytes within five minutes.

    Never raises: an absent or odd header is a bad signature. Every key is tried,
    so that the time taken doesn't tell which one is in use.
    """
    match = _HEADER.fullmatch(header or "")
    if match is None or abs(now_ms - int(match[1])) > TOLERANCE_MS:
        return None
    found: str | None = None
    for key in keys:
        if key and hmac.compare_digest(_digest(raw, key, match[1]), match[2]):
            found = found or key
    return found


def _digest(raw: bytes, key: str, timestamp: str) -> str:
    return hmac.digest(key.encode(), raw + timestamp.encode(), "sha256").hex()
