"""What machines send us as JSON, read so that PostgreSQL can keep it."""

from __future__ import annotations

from typing import Any

import orjson

_ESCAPED_NUL = b"\\u0000"


def parsed(raw: bytes | str) -> Any:
    """Return what JSON says, without NUL: PostgreSQL keeps none in any text.

    :raises orjson.JSONDecodeError: it is no JSON, or nested absurdly.
    """
    value = orjson.loads(raw)
    text = raw.encode() if isinstance(raw, str) else raw
    return without_nul(value) if _ESCAPED_NUL in text else value


def json_object(raw: bytes | str) -> dict[str, Any] | None:
    """Return a JSON object; None for whatever else came."""
    try:
        value = parsed(raw)
    except (orjson.JSONDecodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def without_nul(value: Any) -> Any:
    """Return the value, its texts and names without NUL."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(one) for one in value]
    if isinstance(value, dict):
        return {without_nul(name): without_nul(one) for name, one in value.items()}
    return value
