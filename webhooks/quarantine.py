"""Deliveries that belonged to nobody, worked on once their number is configured."""

from __future__ import annotations

from django.db import connection

from tenants.scoping import every_company
from webhooks import replay

BATCH = 500

#: The same rule as the resolver's: what it would not resolve now stays where it is.
_RESOLVABLE = """
SELECT log.id FROM webhooks_webhooklog log
JOIN tenants_provideraccount account ON account.id = log.account_id
JOIN tenants_phonenumber number ON number.number = log.share AND number.is_active
JOIN tenants_branch branch ON branch.id = number.branch_id AND branch.is_active
JOIN tenants_company company ON company.id = number.company_id AND company.is_active
WHERE log.state = 'unresolved'
    AND (account.company_id IS NULL OR account.company_id = number.company_id)
    AND EXISTS (SELECT 1 FROM webhooks_webhookbody body WHERE body.log_id = log.id)
ORDER BY log.received_at LIMIT %s
"""


def release() -> int:
    """Have those worked on that belong to somebody by now; return how many."""
    released = 0
    with every_company():
        while True:
            with connection.cursor() as cursor:
                cursor.execute(_RESOLVABLE, [BATCH])
                ids = [pk for (pk,) in cursor.fetchall()]
            count = replay.start(ids) if ids else 0
            released += count
            if not count:
                return released
