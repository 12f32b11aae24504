"""Nudges for workers, sent by a thread of its own: no request waits for the broker.

A nudge may be lost, since the row says what is due and the sweep finds it. So
nothing is repeated here, and what piles up while Redis hangs is dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from queue import Full, Queue
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

from askpro import correlation
from tenants import redis

logger = logging.getLogger(__name__)

#: Batched nudges of one task are at least this far apart.
BATCH_S = 0.005

_Work = Callable[[], object]
_waiting: Queue[_Work] = Queue(maxsize=1000)
_batched: set[str] = set()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def nudge(task: str, **arguments: Any) -> None:
    """Have a worker run this task soon; returns at once and never raises."""
    correlation_id = correlation.current()
    later(lambda: _send(task, arguments, correlation_id))


def nudge_batch(task: str) -> None:
    """Have a worker look for due work; many calls make one message."""
    if task not in _batched:
        _batched.add(task)
        if not later(lambda: _send_batch(task)):
            _batched.discard(task)


def later(work: _Work) -> bool:
    """Do something that nobody waits for; False where too much waits already."""
    _start()
    try:
        _waiting.put_nowait(work)
    except Full:
        return False
    return True


def _start() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        with _starting:
            if _thread is None or not _thread.is_alive():
                _thread = threading.Thread(target=_work, name="nudger", daemon=True)
                _thread.start()


def _work() -> None:
    while True:
        work = _waiting.get()
        try:
            work()
        except Exception:
            # The thread must outlive whatever goes wrong with one nudge.
            logger.exception("a nudge failed")


def _send_batch(task: str) -> None:
    time.sleep(BATCH_S)
    _batched.discard(task)
    _send(task, {}, "")


def _send(task: str, arguments: dict[str, Any], correlation_id: str) -> None:
    if redis.client() is None:
        return
    with correlation.bound(correlation_id):
        try:
            current_app.send_task(task, kwargs=arguments)
        except (OperationalError, OSError):
            redis.is_away()
