"""A request and an answer as the sandbox's Retell handlers see them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from integrations.sandbox import retell_state as state
from integrations.sandbox.retell_state import Kind

Json = dict[str, Any]
NOT_FOUND = "Cannot find requested asset under given api key."


@dataclass(frozen=True)
class Asked:
    """One request, as far as these handlers look at it."""

    body: Any = None
    query: dict[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    authorization: str = ""

    @property
    def identifier(self) -> str:
        """Return the id in the path."""
        return unquote(self.ids[0])


@dataclass(frozen=True)
class Told:
    """One answer."""

    status: int
    body: Any = None


class Refusal(Exception):
    """An answer other than success, in Retell's shape."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.told = Told(status, {"status": "error", "message": message})


Handler = Callable[[Asked], Told]


def one(kind: Kind, asked: Asked) -> Json:
    """Return the object that the path names.

    :raises Refusal: the key knows none.
    """
    found = state.find(kind, asked.identifier)
    if found is None:
        raise Refusal(422, NOT_FOUND)
    return found


def object_of(asked: Asked) -> Json:
    """Return the body; empty where there is none.

    :raises Refusal: it is no JSON object.
    """
    if asked.body in (None, b"", ""):
        return {}
    if not isinstance(asked.body, dict):
        raise Refusal(400, "The body must be a JSON object")
    return asked.body
