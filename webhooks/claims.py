"""Who works on what: due deliveries are leased, every number in its turn.

A number with ten thousand deliveries waits for itself, not others for it; what belongs
to one call is worked on by one worker at a time; what ended its worker once is tried
alone, so that it takes nothing else with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from tenants.scoping import every_company
from webhooks import pauses
from webhooks.models import WebhookLog

LEASE_S = 30
BATCH = 20
#: Claims take turns, so that two workers never take parts of one call.
CLAIM_LOCK = 7_305_003
GRACE = timedelta(seconds=1)

State = WebhookLog.State
WAITING = (State.RECEIVED, State.RETRYING)

_UNFINISHED = "state IN ('received', 'processing', 'retrying')"
#: What came in is due at once, whatever a clock says. A lease far longer than one is
#: of a clock that was put back; a little longer, of a claim that began after this one.
_DUE = f"""
    {_UNFINISHED} AND (state = 'received' OR next_try_at <= now())
    AND (state <> 'processing' OR leased_until <= now()
        OR leased_until > now() + interval '{2 * LEASE_S} s')
"""

#: Goes round the shares by the index, one step for each, whatever waits behind it.
_TURNS = f"""
WITH RECURSIVE shares(share) AS (
    (SELECT share FROM webhooks_webhooklog WHERE {_UNFINISHED} ORDER BY share LIMIT 1)
    UNION ALL
    SELECT (SELECT next.share FROM webhooks_webhooklog next
            WHERE {_UNFINISHED} AND next.share > shares.share
            ORDER BY next.share LIMIT 1)
    FROM shares WHERE shares.share IS NOT NULL
)
SELECT due.id, due.state = 'processing' FROM shares CROSS JOIN LATERAL (
    SELECT id, state, next_try_at,
        row_number() OVER (ORDER BY next_try_at, received_at) AS turn
    FROM webhooks_webhooklog log
    WHERE log.share = shares.share AND {_DUE}
        AND NOT (provider = ANY (%(providers)s) OR account_id = ANY (%(accounts)s)
            OR share = ANY (%(shares)s))
        AND NOT EXISTS (
            SELECT 1 FROM webhooks_webhooklog other
            WHERE other.state = 'processing' AND other.leased_until > now()
                AND other.leased_until <= now() + interval '{2 * LEASE_S} s'
                AND other.account_id = log.account_id AND log.call_id <> ''
                AND other.call_id = log.call_id)
    ORDER BY next_try_at, received_at LIMIT %(batch)s
) due
ORDER BY due.turn, due.next_try_at LIMIT %(batch)s
"""  # noqa: S608 (own text)


def claim() -> list[tuple[UUID, int]]:
    """Lease what is due and whose turn it is; each lease raises the attempts.

    :return: ids with the number of their attempt, oldest first.
    """
    with every_company(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [CLAIM_LOCK])
        ids = _turns()
        mine = WebhookLog.objects.filter(pk__in=ids).select_for_update(skip_locked=True)
        ids = list(mine.values_list("id", flat=True))
        if not ids:
            return []
        logs = WebhookLog.objects.filter(pk__in=ids)
        logs.update(
            state=State.PROCESSING,
            attempts=F("attempts") + 1,
            leased_until=Now() + timedelta(seconds=LEASE_S),
        )
        return list(logs.order_by("received_at").values_list("id", "attempts"))


def _turns() -> list[UUID]:
    """Return whose turn it is; one that ended its worker comes alone."""
    off = pauses.paused()
    values: dict[str, Any] = {
        "providers": list(off.providers),
        "accounts": list(off.accounts),
        "shares": list(off.shares),
        "batch": BATCH,
    }
    with connection.cursor() as cursor:
        cursor.execute(_TURNS, values)
        found: Sequence[tuple[UUID, bool]] = cursor.fetchall()
    suspects = [pk for pk, was_processing in found if was_processing]
    return suspects[:1] or [pk for pk, _ in found]


def keep(ids: Sequence[UUID]) -> None:
    """Lengthen the leases of those that wait behind a slow one."""
    with every_company():
        WebhookLog.objects.filter(pk__in=ids, state=State.PROCESSING).update(
            leased_until=Now() + timedelta(seconds=LEASE_S)
        )


def is_anything_late() -> bool:
    """Tell whether something is due for a second and nobody took it."""
    late = Q(state__in=WAITING, next_try_at__lte=Now() - GRACE) | Q(
        state=State.PROCESSING, leased_until__lte=Now()
    )
    waiting = WebhookLog.objects.filter(late)
    return pauses.left_alone(waiting, pauses.paused()).exists()
