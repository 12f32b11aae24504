"""The least that can keep a delivery: one function, one prepared INSERT, no framework.

It signs in as the owner of the tables and tells nobody that there is work.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import orjson
import psycopg

from askpro.ids import uuid7
from integrations.retell import signatures

_INSERT = """
WITH log AS (
    INSERT INTO webhooks_webhooklog (id, account_id, provider, event, external_key,
        call_id, correlation_id, share, source, state, received_at, next_try_at,
        attempts, last_error, reason)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 'webhook', 'received', now(), now(), 0,
        '', '')
    ON CONFLICT (account_id, external_key) DO NOTHING RETURNING id)
INSERT INTO webhooks_webhookbody (log_id, raw, headers)
SELECT id, %s, '{}' FROM log RETURNING log_id
"""
_URL = os.environ["DATABASE_OWNER_URL"]
_ACCOUNT = os.environ["BENCH_ACCOUNT"]
_KEYS = (os.environ["BENCH_KEY"],)
_mine = threading.local()

Environment = dict[str, Any]
Start = Callable[[str, list[tuple[str, str]]], object]


def application(environment: Environment, start: Start) -> Iterable[bytes]:
    """Verify, insert, answer."""
    raw = environment["wsgi.input"].read(int(environment["CONTENT_LENGTH"]))
    header = environment.get("HTTP_X_RETELL_SIGNATURE")
    now_ms = time.time_ns() // 1_000_000
    if not signatures.verify(raw, header, _KEYS, now_ms=now_ms):
        start("401 Unauthorized", [])
        return [b""]
    body = orjson.loads(raw)
    call_id = body["call"]["call_id"]
    key = hashlib.sha256(raw).digest()
    values = (
        uuid7(),
        _ACCOUNT,
        "retell",
        body["event"],
        key,
        call_id,
        call_id,
        body["call"]["to_number"],
        raw,
    )
    connection = getattr(_mine, "connection", None)
    if connection is None:
        connection = _mine.connection = psycopg.connect(_URL, autocommit=True)
    connection.execute(_INSERT, values, prepare=True)
    start("204 No Content", [])
    return [b""]
