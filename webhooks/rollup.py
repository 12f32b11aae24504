"""Counts grow old: minutes become days, days become months, and nothing is lost."""

from __future__ import annotations

from django.db import connection

from webhooks.counts import ADDS, COLUMNS
from webhooks.models import WebhookCount

#: How long minutes and days are told apart.
MINUTES_FOR, DAYS_FOR = "8 days", "13 months"
BATCH = 5_000
_BUCKETS = ", ".join(
    f"sum(acknowledged[{place + 1}])"
    for place in range(len(WebhookCount.BOUNDS_MS) + 1)
)
_BEGINS = "date_trunc(%(unit)s, at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'"
_ROLL_UP = f"""
WITH old AS (
    DELETE FROM webhooks_webhookcount WHERE id IN (
        SELECT id FROM webhooks_webhookcount
        WHERE at < date_trunc('day', now()) - %(after)s::interval AND at <> {_BEGINS}
        ORDER BY at LIMIT %(batch)s)
    RETURNING *)
INSERT INTO webhooks_webhookcount AS known {COLUMNS}
SELECT gen_random_uuid(), account_id, event, {_BEGINS}, company_id, sum(received),
    sum(duplicates), sum(processed), sum(failed), sum(failed_never),
    sum(failed_later), sum(failed_person), ARRAY[{_BUCKETS}]::integer[]
FROM old GROUP BY account_id, event, {_BEGINS}, company_id
{ADDS}
"""  # noqa: S608 (own text)


def roll_up() -> int:
    """Roll one batch up; return how many rows it wrote. Run in ``every_company``."""
    written = 0
    for unit, after in (("day", MINUTES_FOR), ("month", DAYS_FOR)):
        values: dict[str, str | int] = {"unit": unit, "after": after, "batch": BATCH}
        with connection.cursor() as cursor:
            cursor.execute(_ROLL_UP, values)
            written += cursor.rowcount
    return written
