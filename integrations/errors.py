"""What goes wrong with a provider; the messages hold no secret."""

from __future__ import annotations

import re

from askpro.errors import AskProError

MOST_TEXT = 300

_SECRETS = (
    # A refusal may echo the key that was sent, whatever it looks like.
    (
        re.compile(
            r"(?i)\b(bearer\s+|token\s*[=:]\s*|key\s*[=:]\s*|secret\s*[=:]\s*)\S+"
        ),
        r"\1…",
    ),
    (re.compile(r"\b(?:cal|key|sk|whsec)_\w+"), "…"),
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "…@…"),
    (re.compile(r"\+?\d[\d ()/-]{6,}\d"), "…"),
    # Whoever knows a booking's uid may move it.
    (re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])\w{16,}\b"), "…"),
)


def masked(text: str) -> str:
    """Return a provider's words, cut short, without keys, uids and contacts."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    return text[:MOST_TEXT]


class ProviderError(AskProError):
    """The provider's answer can't be used.

    :ivar status: HTTP status, None where there was no answer.
    :ivar code: the provider's own name of the error, where it has one.
    :ivar text: the provider's words, masked.
    :ivar sent: whether the request may have been processed.
    """

    outcome = "odd"

    def __init__(
        self,
        provider: str,
        *,
        status: int | None = None,
        code: str = "",
        text: str = "",
        sent: bool = True,
    ) -> None:
        self.provider = provider
        self.status = status
        self.code = masked(code)
        self.text = masked(text)
        self.sent = sent
        parts = (str(status or ""), self.code, self.text)
        super().__init__(f"{provider}: {' '.join(part for part in parts if part)}")


class ProviderUnavailable(ProviderError):
    """The provider gave no answer, or one that says: later."""

    retryable = True
    outcome = "unavailable"


class ProviderTimedOut(ProviderUnavailable):
    """The whole exchange took longer than it may."""

    outcome = "timeout"


class CircuitOpen(ProviderUnavailable):
    """The provider failed too often just before: it was not even asked."""

    outcome = "circuit_open"

    def __init__(self, provider: str) -> None:
        super().__init__(provider, text="not asked, it failed just before", sent=False)


class ProviderRejected(ProviderError):
    """The provider refuses the request; repeating it can't help."""

    outcome = "rejected"
    needs_person = True
