"""A request and an answer, as the routes of the sandbox see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

Json = dict[str, Any]


@dataclass
class Request:
    """One request. ``path`` is below the provider's address, query included."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes = b""
    ids: tuple[str, ...] = ()

    @property
    def route_path(self) -> str:
        """Return the path without its query."""
        return self.path.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """Return the query's members; of a repeated one the last."""
        return dict(parse_qsl(self.path.partition("?")[2], keep_blank_values=True))

    def json(self) -> Any:
        """Return the body's value, an empty object where there is none.

        :raises ValueError: it is no JSON.
        """
        return json.loads(self.raw) if self.raw.strip() else {}


@dataclass
class Response:
    """One answer; a body that is no bytes becomes JSON, None no body at all."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    def payload(self) -> bytes:
        """Return the bytes that go out."""
        if self.body is None:
            return b""
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


Handler = Callable[[Request], Response]
