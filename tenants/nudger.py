"""Nudges for workers, sent by threads of their own: no request waits for the broker.

A nudge may be lost, since the row says what is due and the sweep finds it. So
nothing is repeated here, and what piles up while Redis hangs is dropped.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from queue import Full, Queue
from typing import Any

from celery import current_app
from kombu.exceptions import OperationalError
from redis import Redis

from askpro import actor, correlation
from tenants import redis

logger = logging.getLogger(__name__)

#: Batches are at least this far apart: the first goes at once.
BATCH_S = 0.1
MOST_KEPT = 5000

_Work = Callable[[], object]
_waiting: Queue[_Work] = Queue(maxsize=1000)
_batched: set[str] = set()
_keys: deque[tuple[str, int]] = deque(maxlen=MOST_KEPT)
_soon: set[_Work] = set()
_is_due = threading.Event()
_starting = threading.Lock()
_threads: dict[str, threading.Thread] = {}


def nudge(task: str, **arguments: Any) -> None:
    """Have a worker run this task soon; returns at once and never raises."""
    correlation_id, who = correlation.current(), actor.current()
    later(lambda: _send(task, arguments, correlation_id, who))


def nudge_batch(task: str) -> None:
    """Have a worker look for due work; many calls make one message."""
    _batched.add(task)
    _call_batcher()


def set_soon(key: str, *, for_s: int) -> None:
    """Set a key in Redis soon, together with others; it may be lost."""
    _keys.append((key, for_s))
    _call_batcher()


def run_soon(work: _Work) -> None:
    """Do something in the thread of the batches, however often it is asked for."""
    _soon.add(work)
    _call_batcher()


def later(work: _Work) -> bool:
    """Do something that nobody waits for; False where too much waits already."""
    _start("nudger", _work)
    try:
        _waiting.put_nowait(work)
    except Full:
        return False
    return True


def _call_batcher() -> None:
    _start("batcher", _work_in_batches)
    if not _is_due.is_set():
        _is_due.set()


def _start(name: str, work: Callable[[], None]) -> None:
    thread = _threads.get(name)
    if thread is None or not thread.is_alive():
        with _starting:
            thread = _threads.get(name)
            if thread is None or not thread.is_alive():
                _threads[name] = threading.Thread(target=work, name=name, daemon=True)
                _threads[name].start()


def _work() -> None:
    while True:
        work = _waiting.get()
        try:
            work()
        except Exception:
            # The thread must outlive whatever goes wrong with one nudge.
            logger.exception("a nudge failed")


def _work_in_batches() -> None:
    while True:
        _is_due.wait()
        _is_due.clear()
        try:
            # What comes meanwhile has to wait: else this would never end under load.
            for task in tuple(_batched):
                _batched.discard(task)
                _send(task, {}, "", actor.SYSTEM)
            _set_keys()
            for work in tuple(_soon):
                _soon.discard(work)
                work()
        except Exception:
            # As above.
            logger.exception("a batch of nudges failed")
        time.sleep(BATCH_S)


def _set_keys() -> None:
    keys = [_keys.popleft() for _ in range(len(_keys))]

    def put(client: Redis) -> None:
        with client.pipeline(transaction=False) as pipeline:
            for key, for_s in keys:
                pipeline.set(key, b"1", ex=for_s)
            pipeline.execute()

    if keys:
        redis.ask(put, otherwise=None)


def _send(
    task: str, arguments: dict[str, Any], correlation_id: str, who: actor.Actor
) -> None:
    if redis.client() is None:
        return
    with correlation.bound(correlation_id), actor.acting(who):
        try:
            current_app.send_task(task, kwargs=arguments)
        except (OperationalError, OSError):
            redis.is_away()
