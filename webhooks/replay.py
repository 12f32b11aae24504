"""Stored deliveries worked on again: which, how fast, and what it would change.

They were verified when they came: no second look at the signature, no refusal as a
repeat, the same correlation id, and nothing that they did doubles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from tenants import nudger
from webhooks.models import WebhookLog

State = WebhookLog.State

#: What came to its end, and may be worked on again.
ENDED = (State.DONE, State.IGNORED, State.UNRESOLVED, State.DEAD)
FAILED = (State.DEAD, State.UNRESOLVED)
#: Replays are spread, so that they leave the workers to what comes in.
PER_S = 20

#: Each has its turn; what is being worked on at this moment is left alone.
_START = """
WITH chosen AS (
    SELECT id, row_number() OVER (ORDER BY received_at, id) - 1 AS place
    FROM webhooks_webhooklog log
    WHERE id = ANY (%s) AND state = ANY (%s)
        AND EXISTS (SELECT 1 FROM webhooks_webhookbody body WHERE body.log_id = log.id)
)
UPDATE webhooks_webhooklog AS log
SET state = 'retrying', attempts = 0, reason = 'later', leased_until = NULL,
    finished_at = NULL,
    next_try_at = now() + chosen.place * interval '1 second' / %s
FROM chosen WHERE log.id = chosen.id AND log.state = ANY (%s)
"""


@dataclass(frozen=True)
class Wish:
    """Which deliveries; what is left out narrows nothing."""

    ids: Sequence[UUID] = ()
    company_id: UUID | None = None
    provider: str = ""
    event: str = ""
    since: datetime | None = None
    until: datetime | None = None
    states: Sequence[str] = field(default_factory=lambda: list(FAILED))
    limit: int = 0  # 0: all


def chosen(wish: Wish) -> QuerySet[WebhookLog]:
    """Return them, oldest first; run inside a scope that may see them.

    What is past its retention has no body any more and can't be worked on.
    """
    named: dict[str, Any] = {
        "pk__in": wish.ids,
        "company": wish.company_id,
        "provider": wish.provider,
        "event": wish.event,
        "received_at__gte": wish.since,
        "received_at__lt": wish.until,
        "state__in": wish.states,
    }
    filters = {name: value for name, value in named.items() if value}
    found = WebhookLog.objects.filter(body__isnull=False, **filters)
    found = found.order_by("received_at", "id")
    return found[: wish.limit] if wish.limit else found


def start(log_ids: Sequence[UUID]) -> int:
    """Have a worker take them, oldest first; return how many will be worked on.

    Run inside a scope that may see them.
    """
    ended = list(ENDED)
    with connection.cursor() as cursor:
        cursor.execute(_START, [list(log_ids), ended, PER_S, ended])
        count: int = cursor.rowcount
    if count:
        nudger.nudge_batch("webhooks.process")
    return count
