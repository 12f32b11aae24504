"""What was signed about a call, and no worker has read yet.

A tool of ours may be asked through MCP before the ring or the start of its call was
worked on. The caller's number stands only there: who asks with a key proves nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from bookings import calls
from bookings.calls import CallFacts
from bookings.models import Call
from integrations.bodies import json_object
from integrations.retell import calls as retell
from tenants.scoping import every_company
from webhooks.models import WebhookLog
from webhooks.providers.retell import call_of

_WAITING = (
    WebhookLog.State.RECEIVED,
    WebhookLog.State.PROCESSING,
    WebhookLog.State.RETRYING,
)
#: More than begin a call are of no use here.
_MOST = 4


def of_call(account_id: UUID, correlation_ids: Collection[str]) -> Iterator[CallFacts]:
    """Yield what an account signed about the beginning of a call.

    :param correlation_ids: the call's id, and the one that our answer gave it. Whose
        call it is, the dialled number in the facts must say.
    """
    with every_company():
        waiting = list(
            WebhookLog.objects.filter(
                correlation_id__in=[one for one in correlation_ids if one],
                account_id=account_id,
                state__in=_WAITING,
            )
            .select_related("body")
            .order_by("id")[:_MOST]
        )
    for log in waiting:
        status = retell.STATUS_OF_EVENT.get(log.event)
        body = json_object(bytes(log.body.raw))
        if body is None or status not in (Call.Status.RINGING, Call.Status.STARTED):
            continue
        facts = retell.facts_of(
            call_of(log.event, body), account_id=account_id, status=status
        )
        yield calls.with_correlation(facts, log.correlation_id)
