"""Processes that begin anew where they broke. Told to end, they end.

Celery's worker and clock end where Redis or PostgreSQL goes away in a bad moment, such
as between a task's end and the word that it ended (seen with kombu 5.7). Their rows
wait, so nothing is lost; but somebody must work on them.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError

logger = logging.getLogger(__name__)

#: Whatever is broken is tried this often, not more.
PAUSE_S = 2.0


@contextmanager
def lasting() -> Iterator[None]:
    """Replace this process by a fresh one of the same command where the block breaks.

    :raises CommandError: it can't be started like this; a fresh one could not either.
    """
    try:
        yield
    except CommandError:
        raise
    except Exception:
        # The log says what broke; threads and connections end with the old image.
        logger.exception("begins anew")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)  # Celery's would only be noted
        time.sleep(PAUSE_S)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (ourselves)
