"""Nudges for workers, sent by a thread of its own: no request waits for the broker.

A nudge may be lost, since the row says what is due and the sweep finds it. So
nothing is repeated here, and what piles up while Redis hangs is dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from queue import Empty, Full, Queue
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError

from askpro import correlation
from tenants import redis

logger = logging.getLogger(__name__)

#: Batched nudges of one task are at least this far apart.
BATCH_S = 0.005

_Nudge = tuple[str, dict[str, Any], str]
_waiting: Queue[_Nudge] = Queue(maxsize=1000)
_batched: set[str] = set()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def nudge(task: str, **arguments: Any) -> None:
    """Have a worker run this task soon; returns at once and never raises."""
    _put((task, arguments, correlation.current()))


def nudge_batch(task: str) -> None:
    """Have a worker look for due work; many calls make one message."""
    if task not in _batched:
        _batched.add(task)
        _put((task, {}, ""))


def _put(item: _Nudge) -> None:
    _start()
    try:
        _waiting.put_nowait(item)
    except Full:
        _batched.discard(item[0])


def _start() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        with _starting:
            if _thread is None or not _thread.is_alive():
                _thread = threading.Thread(target=_send, name="nudger", daemon=True)
                _thread.start()


def _send() -> None:
    while True:
        try:
            task, arguments, correlation_id = _waiting.get(timeout=60)
        except Empty:
            continue
        if not arguments and not correlation_id:
            time.sleep(BATCH_S)
            _batched.discard(task)
        if redis.client() is None:
            continue
        with correlation.bound(correlation_id):
            try:
                current_app.send_task(task, kwargs=arguments)
            except (OperationalError, OSError):
                redis.is_away()
