"""What the calendar tells by itself: echoes of our own writes, and changes by staff.

Matched by uid first: some events have lost our key. Nothing is ever created here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from askpro import correlation
from askpro.errors import AskProError
from bookings import callbacks, confirmations, occupancy, outcomes, slots
from bookings.calendars import CalendarBooking
from bookings.models import Appointment, Notification
from tenants.scoping import current_company

State = Appointment.State
#: What says that a booking is over.
ENDS = ("BOOKING_CANCELLED", "BOOKING_REJECTED")


class ChangedMeanwhile(AskProError):
    """The appointment has changed since the calendar was asked about it."""

    retryable = True


def key_of(payload: Mapping[str, Any]) -> UUID | None:
    """Return our key, if the event still carries it."""
    metadata = payload.get("metadata")
    text = metadata.get("askpro_appointment") if isinstance(metadata, Mapping) else None
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None


@dataclass(frozen=True)
class Ours:
    """The appointment that an event is about, as it is before the calendar is asked."""

    id: UUID
    uid: str


@dataclass(frozen=True)
class Reading:
    """What the calendar said about one of our appointments.

    ``trail``: the booking that the row names, then those that it was moved to; empty
    where the calendar knows none.
    """

    ours: Ours
    trail: tuple[CalendarBooking, ...] = ()

    @property
    def last(self) -> CalendarBooking | None:
        """The booking as it is now, after all moves."""
        return self.trail[-1] if self.trail else None


def ours(payload: Mapping[str, Any]) -> Ours | None:
    """Return the appointment that an event names; run inside the company's scope."""
    return _ours([payload.get("uid"), payload.get("rescheduleUid")], key_of(payload))


def ours_by(booking: CalendarBooking) -> Ours | None:
    """Return the appointment of a booking whose event has lost our key."""
    return _ours([booking.uid, booking.moved_from_uid], booking.key)


def _ours(uids: Sequence[Any], key: UUID | None) -> Ours | None:
    texts = [uid for uid in uids if isinstance(uid, str) and uid]
    rows = Appointment.objects.values_list("pk", "calcom_uid")
    found = rows.filter(calcom_uid__in=texts).first()
    if found is None and key is not None:
        found = rows.filter(key=key).first()
    return Ours(*found) if found else None


def adopt(event: str, payload: Mapping[str, Any], reading: Reading | None) -> None:
    """Bring our row in line with the calendar; run inside the company's scope.

    The calendar's record decides, whatever the event is called and whenever it comes.

    :param reading: None: the event is about no appointment of ours.
    :raises ChangedMeanwhile: nothing was written; ask the calendar again.
    """
    if reading is None:
        _forget_foreign(payload.get("eventTypeId"))
        return
    with transaction.atomic():
        row = _locked(reading.ours.id)
        correlation.take(_correlation_of(row))
        occupancy.lock_call(row.intent_call_id)
        _adopt(row, event, payload.get("uid"), reading)
    slots.forget(row.company_id, row.event_type_id)


def _correlation_of(row: Appointment) -> str:
    """Return the id of the call that last had something to do with it."""
    call = row.intent_call if row.intent else None
    last = row.changes.order_by("-id").first() if call is None else None
    if last is not None and last.correlation_id:
        return last.correlation_id
    call = call or row.call
    return call.correlation_id if call else correlation.current()


def _forget_foreign(event_type_id: object) -> None:
    company_id = current_company()
    if company_id is not None and isinstance(event_type_id, int):
        slots.forget(company_id, event_type_id)


def _locked(appointment_id: UUID) -> Appointment:
    return (
        Appointment.objects.select_for_update(of=("self",))
        .select_related("service", "branch__company", "customer")
        .get(pk=appointment_id)
    )


def _adopt(row: Appointment, event: str, uid: object, reading: Reading) -> None:
    if row.intent is not None:
        # Our own write is under way: look its outcome up soon instead of guessing.
        if row.intent_state == Appointment.IntentState.UNKNOWN:
            row.next_try_at = timezone.now()
            row.save(update_fields=["next_try_at"])
        return
    if row.calcom_uid != reading.ours.uid:
        raise ChangedMeanwhile
    last = reading.last
    if _is_over(event, uid, reading):
        _gone(row, event, reading)
    elif last is None or not last.is_live:
        return
    elif last.uid != row.calcom_uid:
        _moved(row, last, reading)
    elif last.status == "accepted" and row.state == State.REQUESTED:
        _confirmed(row)


def _is_over(event: str, uid: object, reading: Reading) -> bool:
    """Tell whether the visit takes place no more.

    A cancellation is told before the calendar's own record changes: what still reads
    as live is over then, unless it was moved meanwhile.
    """
    last = reading.last
    if last is not None and not last.is_live:
        return not last.moved_to_uid
    told = last.uid if last is not None else reading.ours.uid
    return event in ENDS and uid == told


def _gone(row: Appointment, event: str, reading: Reading) -> None:
    if row.state not in (State.BOOKED, State.REQUESTED):
        return
    if row.state == State.REQUESTED:
        # The caller was promised word, and it is a no.
        outcomes.ask_person(row, reason=f"Cal.com: {event}")
    before = _facts(row)
    row.state = State.CANCELLED
    row.revision += 1
    if reading.last is not None:
        outcomes.relabel(row, reading.last, passed=_passed(reading))
    row.save()
    occupancy.release(row)
    outcomes.record(row, actor="calcom", what="cancel", before=before, why=event)


def _confirmed(row: Appointment) -> None:
    before = _facts(row)
    row.state = State.BOOKED
    row.revision += 1
    row.save(update_fields=["state", "revision"])
    _tell(row)
    outcomes.record(row, actor="calcom", what="confirm", before=before)


def _moved(row: Appointment, booking: CalendarBooking, reading: Reading) -> None:
    """Follow a booking to its new time; one that was given up lives again there."""
    if row.state not in (State.BOOKED, State.REQUESTED, State.CANCELLED):
        return
    before, was = _facts(row), row.state
    row.state = outcomes.state_of(booking)
    row.revision += 1
    outcomes.relocate(row, booking, passed=_passed(reading))
    if was == State.CANCELLED:
        outcomes.retake(row)
    row.save()
    if was == State.REQUESTED and row.state == State.BOOKED:
        _tell(row)
    outcomes.record(row, actor="calcom", what="move", before=before)


def _tell(row: Appointment) -> None:
    """Let the customer know that what was noted is booked."""
    if confirmations.queue(row, Notification.Kind.BOOKED):
        callbacks.close_of(row)


def _facts(row: Appointment) -> dict[str, str]:
    return {"state": row.state, "starts_at": row.starts_at.isoformat()}


def _passed(reading: Reading) -> list[str]:
    return [booking.uid for booking in reading.trail[1:-1]]
