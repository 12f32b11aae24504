"""What an event means: whose it is, what to ask, what to write.

A handler resolves (which company?), looks (may ask a provider; no transaction is
open) and applies (writes; may run twice and doubles nothing).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q

from askpro import correlation
from askpro.errors import AskProError
from bookings import calls, echoes, occupancy
from bookings.calendars import BookingNotFound, CalendarBooking, calendar_for
from bookings.models import Appointment, Call
from integrations.retell import calls as retell
from tenants import resolver
from tenants.models import Branch
from tenants.resolver import Owner
from tenants.scoping import every_company, scope

LOOK_TIMEOUT_S = 8.0


class UnknownEvent(AskProError):
    """Nothing is done about events of this name."""


class Unresolved(AskProError):
    """The event belongs to no company that we know."""


@dataclass(frozen=True)
class Delivery:
    """A stored delivery, parsed."""

    log_id: UUID
    provider: str
    event: str
    body: dict[str, Any]
    account_id: UUID
    company_id: UUID | None  # of the verifying account; bounds whose it may be
    correlation_id: str


class Handler:
    """How one kind of event is worked on."""

    def resolve(self, delivery: Delivery) -> Owner:
        """Return whose event it is.

        :raises Unresolved: nobody's; it is kept for the operator.
        """
        raise NotImplementedError

    def look(self, delivery: Delivery, owner: Owner) -> Any:
        """Return what a provider adds to the event."""
        return None

    def apply(self, delivery: Delivery, owner: Owner, facts: Any) -> None:
        """Write."""
        raise NotImplementedError


class RetellCall(Handler):
    """Merge an event into the call's row."""

    def resolve(self, delivery: Delivery) -> Owner:
        """Return who answers the dialled number; without one, whose stored call it is.

        Retell hides numbers where a company asks for it.
        """
        call = _call(delivery)
        number = retell.dialled(call)
        if number:
            owner = resolver.owner_of_number(number, within=delivery.company_id)
        else:
            owner = calls.owner_of_call(delivery.account_id, retell.call_id_of(call))
        if owner is None:
            raise Unresolved("the dialled number belongs to no branch")
        return owner

    def apply(self, delivery: Delivery, owner: Owner, facts: Any) -> None:
        """Merge; what is held for a call that ended is free again."""
        status = retell.STATUS_OF_EVENT[delivery.event]
        known = retell.facts_of(
            _call(delivery), account_id=delivery.account_id, status=status
        )
        known = calls.with_correlation(known, delivery.correlation_id)
        with scope(owner.company_id):
            branch = Branch.objects.get(pk=owner.branch_id)
            call = calls.merge(branch, known)
            correlation.take(call.correlation_id)
            if status in (Call.Status.ENDED, Call.Status.ANALYZED):
                occupancy.release_holds(call.pk)


def _call(delivery: Delivery) -> Mapping[str, Any]:
    name = "call_inbound" if delivery.event == "call_inbound" else "call"
    call = delivery.body.get(name)
    return call if isinstance(call, Mapping) else {}


class CalcomBooking(Handler):
    """Bring a change made in the calendar, or the echo of our own, into our rows."""

    def resolve(self, delivery: Delivery) -> Owner:
        """Return whose booking it is: by uid and key, within the account's company."""
        payload = _payload(delivery)
        mine = Q(calcom_uid__in=_uids(payload))
        key = echoes.key_of(payload)
        if key is not None:
            mine |= Q(key=key)
        with every_company():
            appointments = Appointment.objects.filter(mine)
            if delivery.company_id is not None:
                appointments = appointments.filter(company=delivery.company_id)
            found = appointments.values_list("company_id", "branch_id").first()
            if found is None:
                found = _branch_of_event_type(payload, delivery.company_id)
        if found is None:
            raise Unresolved("no appointment and no branch has this booking")
        return Owner(*found)

    def look(self, delivery: Delivery, owner: Owner) -> CalendarBooking | None:
        """Return the booking as the calendar has it now; events come out of order."""
        uid = str(_payload(delivery).get("uid") or "")
        with scope(owner.company_id):
            branch = Branch.objects.select_related("company").get(pk=owner.branch_id)
            calendar = calendar_for(branch)
        if not uid:
            return None
        try:
            return calendar.get(uid, timeout_s=LOOK_TIMEOUT_S)
        except BookingNotFound:
            return None

    def apply(self, delivery: Delivery, owner: Owner, facts: Any) -> None:
        """Adopt what the calendar says."""
        with scope(owner.company_id):
            echoes.adopt(delivery.event, _payload(delivery), facts)


def _payload(delivery: Delivery) -> Mapping[str, Any]:
    payload = delivery.body.get("payload")
    return payload if isinstance(payload, Mapping) else {}


def _uids(payload: Mapping[str, Any]) -> list[str]:
    values = (payload.get("uid"), payload.get("rescheduleUid"))
    return [value for value in values if isinstance(value, str) and value]


def _branch_of_event_type(
    payload: Mapping[str, Any], company_id: UUID | None
) -> tuple[UUID, UUID] | None:
    """Return the only branch that uses an event type; run in ``every_company``."""
    event_type_id = payload.get("eventTypeId")
    if not isinstance(event_type_id, int):
        return None
    branches = Branch.objects.filter(
        Q(calcom_event_type_id=event_type_id)
        | Q(services__calcom_event_type_id=event_type_id)
        | Q(staff__offers_services__calcom_event_type_id=event_type_id)
    )
    if company_id is not None:
        branches = branches.filter(company=company_id)
    found = list(branches.values_list("company_id", "id").distinct()[:2])
    return found[0] if len(found) == 1 else None


_RETELL = RetellCall()
_CALCOM = CalcomBooking()

HANDLERS: dict[tuple[str, str], Handler] = {
    **{("retell", event): _RETELL for event in retell.STATUS_OF_EVENT},
    **{
        ("calcom", event): _CALCOM
        for event in (
            "BOOKING_CREATED",
            "BOOKING_REQUESTED",
            "BOOKING_RESCHEDULED",
            "BOOKING_CANCELLED",
            "BOOKING_REJECTED",
        )
    },
}


def of(delivery: Delivery) -> Handler:
    """Return the handler of an event.

    :raises UnknownEvent: there is none; the delivery is kept as ignored.
    """
    handler = HANDLERS.get((delivery.provider, delivery.event))
    if handler is None:
        raise UnknownEvent(f"{delivery.provider} {delivery.event}")
    return handler
