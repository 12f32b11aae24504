"""Cal.com's webhook signature: HMAC-SHA256 over the raw body, without a time.

Source: https://cal.com/docs/developing/guides/automation/webhooks
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable


def verify(raw: bytes, header: str | None, secrets: Iterable[str]) -> bool:
    """Tell whether one of ``secrets`` signed exactly these bytes.

    Cal.com sends ``no-secret-provided`` where none is set; that is refused like
    every other wrong value. Never raises.
    """
    said = (header or "").encode()
    is_genuine = False
    for secret in secrets:
        if secret:
            digest = hmac.digest(secret.encode(), raw, "sha256").hex().encode()
            is_genuine |= hmac.compare_digest(digest, said)
    return is_genuine
