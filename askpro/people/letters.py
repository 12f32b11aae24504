"""E-mails to people who sign in, sent beside the request that asked for them."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from django.core.mail import EmailMessage

logger = logging.getLogger(__name__)

#: Its threads begin with the first letter, and end with the process and the last one.
_senders = ThreadPoolExecutor(max_workers=2, thread_name_prefix="letters")


def send_soon(letter: EmailMessage) -> None:
    """Send a letter without waiting for it.

    Whoever asks for a new password would learn from a wait, or from the mail server's
    error, that somebody has this address.
    """
    _senders.submit(_send, letter)


def _send(letter: EmailMessage) -> None:
    try:
        letter.send()
    except OSError as error:
        # Its text may hold the address.
        logger.error("a letter was not sent", extra={"error": type(error).__name__})
