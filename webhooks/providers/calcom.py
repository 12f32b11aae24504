"""Cal.com's events: at most once, in any order, sent while the booking waits."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from bookings import echoes
from bookings.calendars import BookingNotFound, CalendarBooking, calendar_for
from bookings.models import Appointment
from integrations import clients
from integrations.calcom.answers import KEY, Booking
from integrations.calcom.authentication import CalcomSignature
from integrations.calcom.client import utc
from tenants.models import Branch, ProviderAccount
from tenants.resolver import Owner
from tenants.scoping import every_company, scope
from webhooks.handlers import Handler, StoredDelivery, Unresolved
from webhooks.providers import Provider, Recognised, left_s

LOOK_TIMEOUT_S = 8.0


class CalcomBooking(Handler):
    """Bring a change made in the calendar, or the echo of our own, into our rows."""

    def resolve(self, delivery: StoredDelivery) -> Owner:
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

    def look(self, delivery: StoredDelivery, owner: Owner) -> echoes.Reading | None:
        """Return our appointment's booking as it is now; events come out of order."""
        payload = _payload(delivery)
        with scope(owner.company_id):
            branch = Branch.objects.select_related("company").get(pk=owner.branch_id)
            calendar = calendar_for(branch)
            ours = echoes.ours(payload)
        deadline = time.monotonic() + LOOK_TIMEOUT_S
        uid, trail = payload.get("uid"), list[CalendarBooking]()
        try:
            if ours is None and isinstance(uid, str) and uid:
                # Some events have lost our key; the booking itself has not.
                told = calendar.get(uid, timeout_s=left_s(deadline))
                with scope(owner.company_id):
                    ours = echoes.ours_by(told)
            if ours is None:
                return None
            if ours.uid:
                trail = calendar.trail(ours.uid, timeout_s=left_s(deadline))
        except BookingNotFound:
            pass  # what the calendar does not know, it says nothing about
        return echoes.Reading(ours, tuple(trail)) if ours else None

    def apply(self, delivery: StoredDelivery, owner: Owner, facts: Any) -> None:
        """Adopt what the calendar says."""
        with scope(owner.company_id):
            echoes.adopt(delivery.event, _payload(delivery), facts)


def _payload(delivery: StoredDelivery) -> Mapping[str, Any]:
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


class Calcom(Provider):
    """Cal.com, whose bookings and webhooks belong to one account."""

    name = "calcom"
    authentication = CalcomSignature
    handlers = dict.fromkeys(
        (
            "BOOKING_CREATED",
            "BOOKING_REQUESTED",
            "BOOKING_RESCHEDULED",
            "BOOKING_CANCELLED",
            "BOOKING_REJECTED",
        ),
        CalcomBooking(),
    )

    def recognise(self, body: Mapping[str, Any]) -> Recognised:
        """Return the event; whose it is takes a look at our rows."""
        event = body.get("triggerEvent")
        return Recognised(event if isinstance(event, str) else "")

    def changed_since(
        self, account: ProviderAccount, since: datetime, *, deadline: float
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the bookings of ours that Cal.com has otherwise than we do."""
        client = clients.calcom(account, company_id=account.company_id)
        filters: dict[str, str | int] = {"afterUpdatedAt": utc(since)}
        skip = 0
        while True:
            page = client.list_bookings(filters, skip=skip, timeout_s=left_s(deadline))
            rows = _rows_of(account.company_id, page.bookings)
            for booking in page.bookings:
                row = rows.get(booking.uid)
                event = row and _event_of(booking, row)
                if row and event:
                    yield _body(event, booking, row)
            skip += len(page.bookings)
            if not page.may_have_more:
                return


def _rows_of(
    company_id: UUID | None, bookings: Sequence[Booking]
) -> dict[str, Appointment]:
    """Return our settled appointments by their present uid."""
    with every_company():
        rows = Appointment.objects.filter(
            calcom_uid__in=[booking.uid for booking in bookings], intent__isnull=True
        )
        if company_id is not None:
            rows = rows.filter(company=company_id)
        return {row.calcom_uid: row for row in rows}


def _event_of(booking: Booking, row: Appointment) -> str:
    """Return the event that was missed; empty: both sides agree."""
    state = Appointment.State
    if row.state not in (state.BOOKED, state.REQUESTED):
        return ""
    if booking.rescheduled_to_uid:
        return "BOOKING_RESCHEDULED"
    if booking.status in ("cancelled", "rejected"):
        return f"BOOKING_{booking.status.upper()}"
    if booking.status == "accepted" and row.state == state.REQUESTED:
        return "BOOKING_CREATED"
    return ""


def _body(event: str, booking: Booking, row: Appointment) -> Mapping[str, Any]:
    moved = event == "BOOKING_RESCHEDULED"
    return {
        "triggerEvent": event,
        "payload": {
            "uid": booking.rescheduled_to_uid if moved else booking.uid,
            "rescheduleUid": booking.uid if moved else None,
            "eventTypeId": row.event_type_id,
            "metadata": {KEY: str(row.key)},
        },
    }
