"""Retell's lifecycle events, and the ring that wants an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from django.http import HttpResponse

from askpro import correlation
from bookings import calls, occupancy
from bookings.models import Call
from integrations import clients
from integrations.retell import calls as retell
from integrations.retell.authentication import RetellSignature
from tenants import resolver
from tenants.models import Branch, ProviderAccount
from tenants.resolver import Owner
from tenants.scoping import scope
from webhooks import inbound
from webhooks.handlers import Handler, StoredDelivery, Unresolved
from webhooks.inbox import Delivery
from webhooks.providers import Provider, Recognised, left_s

RING = "call_inbound"


class RetellCall(Handler):
    """Merge an event into the call's row."""

    def resolve(self, delivery: StoredDelivery) -> Owner:
        """Return who answers the dialled number; without one, whose stored call it is.

        Retell hides numbers where a company asks for it.
        """
        call = call_of(delivery.event, delivery.body)
        number = retell.dialled(call)
        if number:
            owner = resolver.owner_of_number(number, within=delivery.company_id)
        else:
            owner = calls.owner_of_call(delivery.account_id, retell.call_id_of(call))
        if owner is None:
            raise Unresolved("the dialled number belongs to no branch")
        return owner

    def apply(self, delivery: StoredDelivery, owner: Owner, facts: Any) -> None:
        """Merge; what is held for a call that ended is free again."""
        status = retell.STATUS_OF_EVENT[delivery.event]
        known = retell.facts_of(
            call_of(delivery.event, delivery.body),
            account_id=delivery.account_id,
            status=status,
        )
        known = calls.with_correlation(known, delivery.correlation_id)
        with scope(owner.company_id):
            branch = Branch.objects.get(pk=owner.branch_id)
            call = calls.merge(branch, known)
            correlation.take(call.correlation_id)
            if status in (Call.Status.ENDED, Call.Status.ANALYZED):
                occupancy.release_holds(call.pk)


def call_of(event: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the call object of an event; empty where it has none."""
    call = body.get(RING if event == RING else "call")
    return call if isinstance(call, Mapping) else {}


def _event_of(call: Mapping[str, Any]) -> str:
    """Return the last event that should have come for a call; empty: it goes on."""
    if call.get("call_status") not in ("ended", "error", "not_connected"):
        return ""
    return "call_analyzed" if call.get("call_analysis") else "call_ended"


class Retell(Provider):
    """At least once, in any order, three repeats, no id of its own."""

    name = "retell"
    authentication = RetellSignature
    handlers = dict.fromkeys(retell.STATUS_OF_EVENT, RetellCall())

    def recognise(self, body: Mapping[str, Any]) -> Recognised:
        """Return event, call and dialled number."""
        event = body.get("event")
        event = event if isinstance(event, str) else ""
        call = call_of(event, body)
        return Recognised(
            event,
            retell.call_id_of(call),
            retell.correlation_of(call),
            retell.dialled(call) or "",
        )

    def answer(self, delivery: Delivery, body: Mapping[str, Any]) -> HttpResponse:
        """Answer a ring from our own rows; anything else needs none."""
        if delivery.event != RING:
            return HttpResponse(status=204)
        said = inbound.answer(
            call_of(RING, body), delivery.account, delivery.correlation_id
        )
        return HttpResponse(orjson.dumps(said), content_type="application/json")

    def changed_since(
        self, account: ProviderAccount, since: datetime, *, deadline: float
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the ended calls of which we know less than Retell does."""
        client = clients.retell(account, company_id=account.company_id)
        filters = {
            "start_timestamp": {
                "type": "number",
                "op": "ge",
                "value": int(since.timestamp() * 1000),
            }
        }
        after = ""
        while True:
            page = client.list_calls(filters, timeout_s=left_s(deadline), after=after)
            known = calls.statuses(account.pk, [record.id for record in page.items])
            for record in page.items:
                if _is_behind(known.get(record.id), _event_of(record.facts)):
                    body = self.missing_of(account, record.id, deadline=deadline)
                    if body is not None:
                        yield body
            after = page.next_key
            if not after:
                return

    def missing_of(
        self, account: ProviderAccount, call_id: str, *, deadline: float
    ) -> Mapping[str, Any] | None:
        """Return the event that Retell should have sent last."""
        client = clients.retell(account, company_id=account.company_id)
        record = client.get_call(call_id, timeout_s=left_s(deadline))
        event = _event_of(record.facts)
        return {"event": event, "call": dict(record.facts)} if event else None


def _is_behind(known: str | None, event: str) -> bool:
    """Tell whether an event would raise what we know."""
    if not event:
        return False
    ranks = Call.RANKS
    return known is None or ranks.index(known) < ranks.index(
        retell.STATUS_OF_EVENT[event]
    )
