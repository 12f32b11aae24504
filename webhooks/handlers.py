"""What an event means: whose it is, what to ask, what to write.

A handler resolves (which company?), looks (may ask a provider; no transaction is
open) and applies (writes; may run twice and doubles nothing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from askpro.errors import AskProError
from tenants.resolver import Owner


class UnknownEvent(AskProError):
    """Nothing is done about events of this name."""


class Unresolved(AskProError):
    """The event belongs to no company that we know."""


class Unreadable(AskProError):
    """The event lacks what makes it one: no later try can help."""


@dataclass(frozen=True)
class StoredDelivery:
    """A stored delivery, parsed."""

    log_id: UUID
    provider: str
    event: str
    body: dict[str, Any]
    account_id: UUID
    company_id: UUID | None  # of the verifying account; bounds whose it may be
    correlation_id: str


class Handler:
    """How one kind of event is worked on."""

    def resolve(self, delivery: StoredDelivery) -> Owner:
        """Return whose event it is.

        :raises Unresolved: nobody's; it is kept for the operator.
        """
        raise NotImplementedError

    def look(self, delivery: StoredDelivery, owner: Owner) -> Any:
        """Return what a provider adds to the event."""
        return None

    def apply(self, delivery: StoredDelivery, owner: Owner, facts: Any) -> None:
        """Write."""
        raise NotImplementedError
