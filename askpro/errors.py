"""What can go wrong, as one family."""

from __future__ import annotations

from inspect import cleandoc


class AskProError(Exception):
    """Something went wrong."""

    #: Whether the same try may succeed later. This alone decides on retries.
    retryable = False
    #: Whether somebody can mend the cause, such as a wrong key.
    needs_person = False

    def __init__(self, message: str = "") -> None:
        super().__init__(message or cleandoc(type(self).__doc__ or "").split("\n")[0])
