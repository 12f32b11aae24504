"""Keep a delivery once, and say what is due. The unique key decides, Redis saves trips.

A delivery is the same if provider, event and bytes are the same: a provider that
repeats sends the same bytes; what differs is merged by a worker and doubles nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid5

import orjson
from redis import Redis

from askpro.ids import uuid7
from tenants import nudger, redis, scoping
from tenants.accounts import AccountKeys
from tenants.database.standing import StandingStatement
from webhooks.models import WebhookLog

#: Redis remembers a key this long; PostgreSQL remembers it for good.
SEEN_S = 3600
MOST_REMEMBERED = 4096
#: Redis is asked while repeats come in, and so long after the last: without any, the
#: trip would save nothing.
ALERT_S = 30.0

_INSERT = StandingStatement("""
WITH log AS (
    INSERT INTO webhooks_webhooklog (id, account_id, provider, event, external_key,
        call_id, correlation_id, share, source, address, state, received_at,
        next_try_at, attempts, last_error, reason)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'received', now(), now(), 0, '',
        '')
    ON CONFLICT (account_id, external_key) DO NOTHING RETURNING id)
INSERT INTO webhooks_webhookbody (log_id, raw, headers)
SELECT id, %s, %s::jsonb FROM log RETURNING log_id
""")

#: What is kept of a request's head: nothing that proves who sent it.
KEPT_HEADERS = {
    "CONTENT_TYPE": "content-type",
    "HTTP_USER_AGENT": "user-agent",
    "HTTP_X_CAL_WEBHOOK_VERSION": "x-cal-webhook-version",
    "HTTP_X_REQUEST_ID": "x-request-id",
    "HTTP_TRACEPARENT": "traceparent",
}
LONGEST_HEADER = 300

_seen: OrderedDict[str, None] = OrderedDict()
_alert_until = 0.0


@dataclass(frozen=True)
class Delivery:
    """What a provider posted, its signature verified; or what a poll found."""

    raw: bytes
    account: AccountKeys
    event: str
    call_id: str = ""
    correlation_id: str = ""
    number: str = ""  # that was dialled; E.164
    address: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    source: str = WebhookLog.Source.WEBHOOK

    @property
    def key(self) -> bytes:
        """What makes it the same delivery again: 32 bytes."""
        digest = hashlib.sha256(f"{self.account.provider} {self.event} ".encode())
        digest.update(self.raw)
        return digest.digest()

    @property
    def share(self) -> str:
        """Whose turn of the workers it takes: the number's, else the account's."""
        return self.number or str(self.account.id)


def kept_headers(meta: Mapping[str, Any]) -> dict[str, str]:
    """Return what may be kept of a WSGI environment."""
    return {
        name: str(meta[key])[:LONGEST_HEADER].replace("\0", "")
        for key, name in KEPT_HEADERS.items()
        if meta.get(key)
    }


def correlated(delivery: Delivery) -> Delivery:
    """Return the delivery with an id of its own where the provider gave none.

    It is the same for the same delivery: a repeat belongs to the same story.
    """
    if delivery.correlation_id:
        return delivery
    made = uuid5(delivery.account.id, delivery.key.hex())
    prefix = "inb" if delivery.number else "evt"
    return replace(delivery, correlation_id=f"{prefix}_{made}")


def receive(delivery: Delivery) -> bool:
    """Keep a delivery and nudge a worker; False where it is kept already.

    :raises DatabaseError: it is not kept; the provider must send it again.
    """
    key = delivery.key
    name = redis.platform_key("seen", delivery.account.id, key.hex())
    if name in _seen or (_is_alert() and redis.ask(_is_known(name), otherwise=False)):
        return False
    is_new = _insert(delivery, key)
    _remember(name)
    if is_new:
        nudger.nudge_batch("webhooks.process")
    else:
        _be_alert()
    return is_new


def _is_alert() -> bool:
    return time.monotonic() < _alert_until


def _be_alert() -> None:
    global _alert_until
    _alert_until = time.monotonic() + ALERT_S


def _is_known(name: str) -> Callable[[Redis], bool]:
    def ask(client: Redis) -> bool:
        return bool(client.exists(name))

    return ask


def _insert(delivery: Delivery, key: bytes) -> bool:
    values = (
        uuid7(),
        delivery.account.id,
        delivery.account.provider,
        delivery.event[:64],
        key,
        delivery.call_id[:120],
        delivery.correlation_id[:120],
        delivery.share[:40],
        delivery.source,
        delivery.address,
        delivery.raw,
        orjson.dumps(delivery.headers).decode(),
    )
    with scoping.every_company():
        return _INSERT.run(values) is not None


def _remember(name: str) -> None:
    _seen[name] = None
    while len(_seen) > MOST_REMEMBERED:
        _seen.popitem(last=False)
    nudger.set_soon(name, for_s=SEEN_S)
