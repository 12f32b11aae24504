"""What follows from a calendar's word: rows change together, then people are told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from askpro import correlation
from bookings import (
    availability,
    callbacks,
    confirmations,
    occupancy,
    slots,
    waiting,
)
from bookings.calendars import CalendarBooking
from bookings.models import (
    Appointment,
    AppointmentChange,
    Call,
    Callback,
    Notification,
    Occupancy,
)
from tenants.models import Staff

Intent = Appointment.Intent
State = Appointment.State
Step = Appointment.IntentState

#: What ends an intent, whatever came of it.
_SETTLED: dict[str, Any] = {
    "intent": None,
    "intent_state": None,
    "wished_starts_at": None,
    "leased_until": None,
    "next_try_at": None,
    "lookups": 0,
    "last_error": "",
}
#: How long a wish stays in time: its offer was held, then it was sent.
IN_TIME = timedelta(seconds=occupancy.HOLD_S + 60)

_OUTCOMES = {
    Intent.BOOK: (Call.Outcome.BOOKED, Notification.Kind.BOOKED),
    Intent.MOVE: (Call.Outcome.MOVED, Notification.Kind.MOVED),
    Intent.CANCEL: (Call.Outcome.CANCELLED, Notification.Kind.CANCELLED),
}


def agreed(appointment: Appointment, number: int, booking: CalendarBooking) -> bool:
    """Write down that the calendar has done what was wished.

    :param number: of the try; a later one makes this a no-op, False comes back.
    """

    def apply(row: Appointment, intent: Intent) -> None:
        before = _facts(row)
        _CHANGES[intent](row, booking)
        row.revision += 1
        outcome, kind = _OUTCOMES[intent]
        if row.state == State.CANCELLED and intent == Intent.MOVE:
            # Somebody had cancelled it in the calendar: there is nothing to move.
            outcome = Call.Outcome.CALLBACK
            _call_back(row, Callback.Kind.DECLINED, "Cal.com: bereits abgesagt")
        elif row.state == State.REQUESTED:
            # The calendar wants a person's confirmation: noted, not booked.
            outcome = Call.Outcome.PENDING
            _call_back(row, Callback.Kind.UNREACHED, "Cal.com: noch zu bestätigen")
        else:
            _tell(row, kind)
        _record(row, intent, before, "")
        _call_outcome(row, outcome)

    return _settle(appointment, number, apply)


def taken(appointment: Appointment, number: int) -> bool:
    """Write down that the time was not free; an old time stays."""
    return _fail(appointment, number, why="taken", needs_person=False)


def refused(appointment: Appointment, number: int, *, reason: str) -> bool:
    """Write down that the calendar refuses the request; a person must look."""
    return _fail(appointment, number, why=reason or "refused", needs_person=True)


def _fail(
    appointment: Appointment, number: int, *, why: str, needs_person: bool
) -> bool:
    def apply(row: Appointment, intent: Intent) -> None:
        before = _facts(row)
        if intent == Intent.BOOK:
            row.state = State.DECLINED
            occupancy.release(row)
        elif intent == Intent.MOVE:
            occupancy.undo_move(row, occupancy.span(row.service, row.starts_at))
        _record(row, intent, before, why)
        if needs_person or row.answer_by_at is not None:
            _call_back(row, Callback.Kind.DECLINED, f"{intent}: {why}")
            _call_outcome(row, Call.Outcome.CALLBACK)

    return _settle(appointment, number, apply, last_error=why)


def _settle(
    appointment: Appointment,
    number: int,
    apply: Callable[[Appointment, Intent], None],
    *,
    last_error: str = "",
) -> bool:
    """Lock the row, apply, close the intent; the row's lock orders us against a
    request that stops waiting in the same moment."""
    with transaction.atomic():
        row = (
            Appointment.objects.select_for_update(of=("self",))
            .select_related("branch__company", "service", "customer", "intent_call")
            .filter(pk=appointment.pk, attempts=number, intent_state=Step.SENDING)
            .first()
        )
        if row is None or row.intent is None:
            return False
        occupancy.lock_call(row.intent_call_id)
        apply(row, Intent(row.intent))
        for name, value in (_SETTLED | {"last_error": last_error[:300]}).items():
            setattr(row, name, value)
        row.save()
    slots.forget(row.company_id, row.event_type_id)
    waiting.wake(row.company_id, row.pk)
    return True


def _book(row: Appointment, booking: CalendarBooking) -> None:
    row.state = state_of(booking)
    row.staff = row.staff or _host(row, booking)
    relocate(row, booking)


def _move(row: Appointment, booking: CalendarBooking) -> None:
    if not booking.is_live:
        _cancel(row, booking)
        return
    row.state = state_of(booking)
    relocate(row, booking)


def state_of(booking: CalendarBooking) -> State:
    """Return what a live booking makes of an appointment."""
    return State.BOOKED if booking.status == "accepted" else State.REQUESTED


def relabel(
    row: Appointment, booking: CalendarBooking, *, passed: Sequence[str] = ()
) -> None:
    """Take over uid and start from the calendar's record, in memory only.

    :param passed: uids that it had between the row's and this one.
    """
    length = row.ends_at - row.starts_at
    if row.calcom_uid and booking.uid != row.calcom_uid:
        row.earlier_uids = [*row.earlier_uids, row.calcom_uid, *passed]
    row.calcom_uid = booking.uid
    row.starts_at, row.ends_at = booking.starts_at, booking.starts_at + length


def relocate(
    row: Appointment, booking: CalendarBooking, *, passed: Sequence[str] = ()
) -> None:
    """Take over where the calendar has put a visit: uid, start and the time it takes.

    The row is changed in memory only; its time at once.
    """
    relabel(row, booking, passed=passed)
    kept = occupancy.span(row.service, row.starts_at)
    try:
        with transaction.atomic():
            occupancy.settle(row, kept)
    except IntegrityError:
        # Staff moved it onto another appointment in the calendar itself.
        occupancy.undo_move(row, kept)
        _call_back_for_two(row)


def retake(row: Appointment) -> None:
    """Take time again for a visit that had none any more, where it is now."""
    resource = availability.choice_of(row).resource
    occupancy.lock_resources([resource.id], call_id=row.intent_call_id)
    claim = occupancy.Claim(
        resource,
        occupancy.span(row.service, row.starts_at),
        Occupancy.Purpose.BOOKING,
        appointment=row,
    )
    if not occupancy.claim([claim], rehearsal=row.is_rehearsal):
        _call_back_for_two(row)


def _call_back_for_two(row: Appointment) -> None:
    _call_back(row, Callback.Kind.DECLINED, "Cal.com: zwei Termine zur selben Zeit")


def _cancel(row: Appointment, booking: CalendarBooking) -> None:
    row.state = State.CANCELLED
    occupancy.release(row)


_CHANGES: dict[Intent, Callable[[Appointment, CalendarBooking], None]] = {
    Intent.BOOK: _book,
    Intent.MOVE: _move,
    Intent.CANCEL: _cancel,
}


def _host(row: Appointment, booking: CalendarBooking) -> Staff | None:
    return Staff.objects.filter(
        branch=row.branch, calcom_user_id__in=booking.host_ids
    ).first()


def _facts(row: Appointment) -> dict[str, str]:
    return {"state": row.state, "starts_at": row.starts_at.isoformat()}


def _record(row: Appointment, intent: Intent, before: dict[str, str], why: str) -> None:
    record(
        row,
        actor="call" if row.intent_call_id else "worker",
        what=str(intent),
        before=before,
        why=why,
        call=row.intent_call,
    )


def record(
    row: Appointment,
    *,
    actor: str,
    what: str,
    before: dict[str, str],
    why: str = "",
    call: Call | None = None,
) -> None:
    """Append what has changed in an appointment, as it is in memory now."""
    AppointmentChange.objects.create(
        company_id=row.company_id,
        appointment=row,
        actor=actor,
        what=what,
        before=before,
        after=_facts(row),
        why=why[:300],
        call=call,
        correlation_id=correlation.current(),
    )


def _tell(row: Appointment, kind: str) -> None:
    """Confirm by mail; where the caller has heard nothing and has no address, call."""
    if not confirmations.queue(row, kind) and row.answer_by_at is not None:
        _call_back(row, Callback.Kind.UNREACHED, f"{kind}: noch nicht mitgeteilt")


def _call_back(row: Appointment, kind: str, reason: str) -> None:
    if row.is_rehearsal:
        return
    callbacks.store(
        row.branch,
        kind,
        call=row.intent_call,
        appointment=row,
        name=row.customer.name,
        phone=row.customer.phone,
        reason=reason,
    )


def _call_outcome(row: Appointment, outcome: str) -> None:
    if row.intent_call_id is not None:
        Call.objects.filter(pk=row.intent_call_id).update(outcome=outcome)


def ask_person(appointment: Appointment, *, reason: str) -> None:
    """Have a person look at what stays unclear; nothing else changes."""
    with transaction.atomic():
        _call_back(appointment, Callback.Kind.UNREACHED, reason)


def is_too_late(appointment: Appointment) -> bool:
    """Tell whether what is under way makes no sense any more.

    A wish that was just in time when it was spoken is still in time while it is
    being worked on.
    """
    start = appointment.wished_starts_at or appointment.starts_at
    notice = timedelta(minutes=appointment.branch.minimum_notice_min)
    if appointment.intent == Intent.CANCEL:
        notice = timedelta()
    return timezone.now() >= min(start, start - notice + IN_TIME)


def stop_waiting(appointment: Appointment) -> bool:
    """Close the caller's question at the deadline; False where it is settled.

    From then on the outcome is told another way.
    """
    is_open = (
        Appointment.objects.filter(pk=appointment.pk, intent__isnull=False).update(
            answer_by_at=timezone.now()
        )
        == 1
    )
    if is_open and appointment.intent_call_id is not None:
        Call.objects.filter(pk=appointment.intent_call_id, outcome="").update(
            outcome=Call.Outcome.PENDING
        )
    return is_open
