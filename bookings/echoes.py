"""What the calendar tells by itself: echoes of our own writes, and changes by staff.

Matched by uid first: some events have lost our key. Nothing is ever created here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from askpro import correlation
from bookings import callbacks, confirmations, occupancy, outcomes, slots
from bookings.calendars import CalendarBooking
from bookings.models import Appointment, Notification
from tenants.scoping import current_company

State = Appointment.State


def key_of(payload: Mapping[str, Any]) -> UUID | None:
    """Return our key, if the event still carries it."""
    metadata = payload.get("metadata")
    text = metadata.get("askpro_appointment") if isinstance(metadata, Mapping) else None
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None


def adopt(
    event: str, payload: Mapping[str, Any], booking: CalendarBooking | None
) -> None:
    """Bring our row in line with the calendar; run inside the company's scope.

    :param booking: the event's booking as the calendar has it now; None = gone.
    """
    event_type_id = payload.get("eventTypeId")
    with transaction.atomic():
        appointment = _found(payload)
        if appointment is not None:
            correlation.take(_correlation_of(appointment))
            occupancy.lock_call(appointment.intent_call_id)
            _adopt(appointment, event, payload, booking)
    if appointment is not None:
        slots.forget(appointment.company_id, appointment.event_type_id)
    elif isinstance(event_type_id, int):
        _forget_foreign(event_type_id)


def _correlation_of(row: Appointment) -> str:
    """Return the id of the call that last had something to do with it."""
    call = row.intent_call if row.intent else None
    last = row.changes.order_by("-id").first() if call is None else None
    if last is not None and last.correlation_id:
        return last.correlation_id
    call = call or row.call
    return call.correlation_id if call else correlation.current()


def _forget_foreign(event_type_id: int) -> None:
    company_id = current_company()
    if company_id is not None:
        slots.forget(company_id, event_type_id)


def _found(payload: Mapping[str, Any]) -> Appointment | None:
    uids = [payload.get("uid"), payload.get("rescheduleUid")]
    mine = Q(calcom_uid__in=[uid for uid in uids if isinstance(uid, str) and uid])
    key = key_of(payload)
    if key is not None:
        mine |= Q(key=key)
    return (
        Appointment.objects.select_for_update(of=("self",))
        .select_related("service", "branch__company", "customer")
        .filter(mine)
        .first()
    )


def _adopt(
    row: Appointment,
    event: str,
    payload: Mapping[str, Any],
    booking: CalendarBooking | None,
) -> None:
    if row.intent is not None:
        # Our own write is under way: look its outcome up soon instead of guessing.
        if row.intent_state == Appointment.IntentState.UNKNOWN:
            row.next_try_at = timezone.now()
            row.save(update_fields=["next_try_at"])
        return
    uid = payload.get("uid")
    if event == "BOOKING_RESCHEDULED" and uid != row.calcom_uid:
        _moved(row, booking)
    elif event in ("BOOKING_CANCELLED", "BOOKING_REJECTED") and uid == row.calcom_uid:
        if booking is not None and booking.moved_to_uid:
            return
        _gone(row, event)
    elif event == "BOOKING_CREATED" and row.state == State.REQUESTED:
        _confirmed(row, uid)


def _gone(row: Appointment, event: str) -> None:
    """The event is trusted: it is sent before the calendar's own row changes."""
    if row.state != State.BOOKED and row.state != State.REQUESTED:
        return
    if row.state == State.REQUESTED:
        # The caller was promised word, and it is a no.
        outcomes.ask_person(row, reason=f"Cal.com: {event}")
    before = {"state": row.state, "starts_at": row.starts_at.isoformat()}
    row.state = State.CANCELLED
    row.revision += 1
    row.save(update_fields=["state", "revision"])
    occupancy.release(row)
    outcomes.record(row, actor="calcom", what="cancel", before=before, why=event)


def _confirmed(row: Appointment, uid: object) -> None:
    if uid != row.calcom_uid:
        return
    before = {"state": row.state, "starts_at": row.starts_at.isoformat()}
    row.state = State.BOOKED
    row.revision += 1
    row.save(update_fields=["state", "revision"])
    if confirmations.queue(row, Notification.Kind.BOOKED):
        callbacks.close_of(row)
    outcomes.record(row, actor="calcom", what="confirm", before=before)


def _moved(row: Appointment, booking: CalendarBooking | None) -> None:
    if booking is None or not booking.is_live or row.state != State.BOOKED:
        return
    before = {"state": row.state, "starts_at": row.starts_at.isoformat()}
    row.revision += 1
    outcomes.relocate(row, booking)
    row.save()
    outcomes.record(row, actor="calcom", what="move", before=before)
