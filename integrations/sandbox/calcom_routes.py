"""One call of Cal.com's interface, and which version of it is meant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import CalcomUser

FALLBACK = "2024-04-15"
VERSIONS = {FALLBACK, "2024-06-11", "2024-06-14", "2024-08-13", "2024-09-04"}
#: Resources that look the same in every version.
ANY = frozenset(VERSIONS)


class Access(Enum):
    """What a route asks of its caller."""

    OPEN = "open"  # wrong credentials still fail
    PERMITTED = "permitted"  # a guard before the key refuses with 403
    SIGNED_IN = "signed in"  # 401


@dataclass
class Call:
    """A call whose caller is known."""

    path: str
    query: dict[str, str]
    body: Json
    ids: tuple[str, ...]
    user: CalcomUser | None
    version: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Route:
    """An endpoint of some versions, and who may use it."""

    method: str
    pattern: str
    versions: frozenset[str]
    access: Access
    handler: Callable[[Call], Response]


def meant_version(header: str) -> str:
    """Return the version that a header stands for: an unknown one means the oldest."""
    return header if header in VERSIONS else FALLBACK
