"""What an agent hears from us, the same at every door."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from askpro.errors import AskProError


class Code(StrEnum):
    """How a question ended; stable, read by machines."""

    OK = "ok"
    BOOKED = "booked"
    PENDING = "pending"
    TAKEN = "taken"
    NOTHING_FREE = "nothing_free"
    AMBIGUOUS = "ambiguous"
    NOT_FOUND = "not_found"
    POLICY = "policy"
    INVALID_INPUT = "invalid_input"
    NOT_PERMITTED = "not_permitted"
    UPSTREAM_UNAVAILABLE = "upstream_unavailable"
    UNKNOWN_STATE = "unknown_state"
    RATE_LIMITED = "rate_limited"
    INTERNAL = "internal"


#: The codes of an answer that brought the caller what was asked for.
SUCCESSES = frozenset({Code.OK, Code.BOOKED, Code.PENDING})


@dataclass(frozen=True)
class Answer:
    """A German sentence to say, and the facts behind it."""

    code: Code
    say: str
    data: dict[str, Any] = field(default_factory=dict)
    #: A person must help: the gateway stores a callback and only then promises it.
    needs_person: bool = False

    @property
    def success(self) -> bool:
        """Whether the caller got what was asked for."""
        return self.code in SUCCESSES

    def to_json(self) -> dict[str, Any]:
        """Return the answer as every door sends it."""
        # Models read from the top: the sentence comes first.
        return {
            "say": self.say,
            "success": self.success,
            "code": str(self.code),
            "data": self.data,
        }


class Declined(AskProError):
    """A wish can't be met; the answer says why and what to ask next."""

    def __init__(
        self, code: Code, say: str, *, needs_person: bool = False, **data: Any
    ) -> None:
        super().__init__(str(code))
        self.answer = Answer(code, say, data, needs_person)
