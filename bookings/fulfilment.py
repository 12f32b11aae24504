"""The wish made true: one leased try at the calendar, and what follows from it.

An appointment's intent is leased by one UPDATE, sent with no transaction open, and
settled by one UPDATE that is guarded by the try's number: a worker that was
overtaken changes nothing. What was sent without an answer is looked up, twice and
some seconds apart, before it is sent again.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from askpro import correlation
from bookings import attendees, outcomes
from bookings.calendars import (
    BaseCalendar,
    BookingNotFound,
    BookingRequest,
    CalendarBooking,
    CalendarRefused,
    CalendarUnavailable,
    OutcomeUnknown,
    SlotTaken,
    calendar_for,
)
from bookings.models import Appointment
from tenants.scoping import let_go

logger = logging.getLogger(__name__)

LOOKUPS_BEFORE_REPEAT = 2
LOOKUP_PAUSE_S = 5.0
RETRY_FIRST_S = 2.0
#: A lease lasts this much longer than a write may take; half of it is used.
LEASE_MARGIN_S = 5.0
OVERTIME_S = LEASE_MARGIN_S / 2
RETRY_LAST_S = 60.0
#: How often a visit may have been moved in the calendar before we stop to follow it.
MOST_MOVES = 5

Intent = Appointment.Intent
State = Appointment.State
Step = Appointment.IntentState


@dataclass(frozen=True)
class Try:
    """One leased try: an appointment as it was, and the number that guards it."""

    appointment: Appointment
    number: int
    has_been_sent: bool  # an earlier try may have worked
    deadline: float  # on the monotonic clock, before the lease is over

    @property
    def left_s(self) -> float:
        """Seconds for the next request; none where the lease may be over.

        A second request of the same try gets at least one: the lease allows for it.
        """
        left_s = self.deadline - time.monotonic()
        return max(1.0, left_s) if left_s > -OVERTIME_S else 0.0


def attempt(appointment_id: UUID) -> bool:
    """Try to settle what is under way for an appointment; False if it isn't due.

    Never raises for what a calendar does: the row says what came of it.
    """
    one = _lease(appointment_id)
    if one is None:
        return False
    appointment = one.appointment
    correlation.take(_correlation_of(appointment))
    try:
        calendar = calendar_for(appointment.branch, rehearsal=appointment.is_rehearsal)
        let_go()
        _settle(one, calendar)
    except CalendarRefused as error:
        _refused(one, str(error))
    except CalendarUnavailable as error:
        _try_later(one, str(error))
    except OutcomeUnknown as error:
        _look_later(one, str(error), lookups=0)
    return True


def _correlation_of(appointment: Appointment) -> str:
    call = appointment.intent_call or appointment.call
    return call.correlation_id if call else str(appointment.pk)


def _lease(appointment_id: UUID) -> Try | None:
    """Take the right to the next try in one UPDATE, so that only one worker can."""
    due = Appointment.objects.filter(
        Q(leased_until__isnull=True) | Q(leased_until__lte=Now()),
        pk=appointment_id,
        intent__isnull=False,
        next_try_at__lte=Now(),
    )
    appointment = due.select_related(
        "branch__company", "service", "staff", "customer", "call", "intent_call"
    ).first()
    if appointment is None:
        return None
    number, step = appointment.attempts + 1, appointment.intent_state
    state = appointment.state
    if appointment.intent == Intent.BOOK:
        # Whose lease ran out may have sent it: unknown until it was looked up.
        state = State.BOOKING if step == Step.REQUESTED else State.UNKNOWN
    lease = timedelta(seconds=settings.CALCOM_WRITE_TIMEOUT_S + LEASE_MARGIN_S)
    # Whatever else has changed meanwhile has also raised the attempts.
    taken = due.filter(attempts=appointment.attempts, intent_state=step).update(
        attempts=number,
        intent_state=Step.SENDING,
        state=state,
        leased_until=Now() + lease,
    )
    if not taken:
        return None
    appointment.attempts, appointment.state = number, state
    return Try(
        appointment,
        number,
        has_been_sent=step != Step.REQUESTED,
        deadline=time.monotonic() + settings.CALCOM_WRITE_TIMEOUT_S,
    )


def _settle(one: Try, calendar: BaseCalendar) -> None:
    if one.has_been_sent:
        found = _lookup(one, calendar)
        if found is not None:
            outcomes.agreed(one.appointment, one.number, found)
        elif one.appointment.lookups + 1 >= LOOKUPS_BEFORE_REPEAT:
            _try_again(one)
        else:
            _look_later(one, one.appointment.last_error, one.appointment.lookups + 1)
        return
    if outcomes.is_too_late(one.appointment):
        outcomes.refused(one.appointment, one.number, reason="too late to be sent")
        return
    try:
        booking = _SENDERS[Intent(one.appointment.intent or "")](one, calendar)
    except (SlotTaken, CalendarRefused) as refusal:
        # After an unanswered try "taken" may mean: by ourselves. And what can't be
        # moved may have been moved or cancelled in the calendar itself.
        found = _seen(one, calendar) if one.number > 1 else None
        if found is None and isinstance(refusal, SlotTaken):
            outcomes.taken(one.appointment, one.number)
            return
        if found is None:
            raise
        booking = found
    outcomes.agreed(one.appointment, one.number, booking)


def _send_booking(one: Try, calendar: BaseCalendar) -> CalendarBooking:
    appointment = one.appointment
    request = BookingRequest(
        key=appointment.key,
        event_type_id=appointment.event_type_id,
        starts_at=appointment.starts_at,
        duration_min=appointment.service.duration_min,
        attendee=attendees.of(appointment),
        notes=appointment.intent_reason,
        metadata={"askpro_correlation": correlation.current()[:500]},
    )
    try:
        return calendar.book(request, timeout_s=one.left_s)
    except CalendarRefused as error:
        if error.needs != "email" or request.attendee.email:
            raise
        attendees.insist(appointment)
        attendee = attendees.of(appointment, with_email=True)
        return calendar.book(replace(request, attendee=attendee), timeout_s=one.left_s)


def _send_move(one: Try, calendar: BaseCalendar) -> CalendarBooking:
    appointment = one.appointment
    assert appointment.wished_starts_at is not None
    return calendar.move(
        appointment.calcom_uid,
        starts_at=appointment.wished_starts_at,
        reason=appointment.intent_reason or "telephone",
        timeout_s=one.left_s,
    )


def _send_cancellation(one: Try, calendar: BaseCalendar) -> CalendarBooking:
    appointment = one.appointment
    try:
        return calendar.cancel(
            appointment.calcom_uid,
            reason=appointment.intent_reason or "telephone",
            timeout_s=one.left_s,
        )
    except BookingNotFound:
        return CalendarBooking(
            uid=appointment.calcom_uid,
            status="cancelled",
            starts_at=appointment.starts_at,
            ends_at=appointment.ends_at,
        )


_SENDERS: dict[Intent, Callable[[Try, BaseCalendar], CalendarBooking]] = {
    Intent.BOOK: _send_booking,
    Intent.MOVE: _send_move,
    Intent.CANCEL: _send_cancellation,
}


def _lookup(one: Try, calendar: BaseCalendar) -> CalendarBooking | None:
    """Return the calendar's record if it shows that an earlier try has worked."""
    appointment = one.appointment
    if appointment.intent == Intent.BOOK:
        return calendar.find(
            key=appointment.key,
            event_type_id=appointment.event_type_id,
            starts_at=appointment.starts_at,
            timeout_s=one.left_s,
        )
    found = _followed(one, calendar)
    if found is None or not found.is_live:
        return found
    # A move by somebody else counts as well: it is where the visit stands.
    has_moved = found.uid != appointment.calcom_uid
    return found if has_moved and appointment.intent == Intent.MOVE else None


def _followed(one: Try, calendar: BaseCalendar) -> CalendarBooking | None:
    """Return what has become of the visit; None where the calendar doesn't know it."""
    uid, found = one.appointment.calcom_uid, None
    for _ in range(MOST_MOVES):
        try:
            found = calendar.get(uid, timeout_s=one.left_s)
        except BookingNotFound:
            return None
        if found.is_live or not found.moved_to_uid:
            break
        uid = found.moved_to_uid
    return found


def _seen(one: Try, calendar: BaseCalendar) -> CalendarBooking | None:
    """Look up after a refusal, which stands if the look-up is refused too."""
    try:
        return _lookup(one, calendar)
    except CalendarRefused:
        return None


def _mine(one: Try) -> Q:
    return Q(pk=one.appointment.pk, attempts=one.number, intent_state=Step.SENDING)


def _try_again(one: Try) -> None:
    """Send once more, at once: the look-ups showed that nothing had been written."""
    _release(one, Step.REQUESTED, State.REQUESTED, after_s=0, lookups=0)


def _refused(one: Try, error: str) -> None:
    """Give up, unless something was sent: then only a person can find out more."""
    if not one.has_been_sent:
        outcomes.refused(one.appointment, one.number, reason=error)
        return
    outcomes.ask_person(one.appointment, reason=error)
    _look_later(one, error, one.appointment.lookups)


def _try_later(one: Try, error: str) -> None:
    """Nothing was sent now: try again, later each time, while it makes sense.

    What was sent before stays unknown, and its time taken, until the calendar speaks.
    """
    if outcomes.is_too_late(one.appointment):
        if not one.has_been_sent:
            outcomes.refused(one.appointment, one.number, reason=error)
            return
        outcomes.ask_person(one.appointment, reason=error)
    step = Step.UNKNOWN if one.has_been_sent else Step.REQUESTED
    state = State.UNKNOWN if one.has_been_sent else State.REQUESTED
    pause = min(RETRY_LAST_S, RETRY_FIRST_S * 2 ** min(one.number - 1, 6))
    jitter = random.uniform(0.8, 1.2)  # noqa: S311
    _release(one, step, state, after_s=pause * jitter, error=error)


def _look_later(one: Try, error: str, lookups: int) -> None:
    """Something was sent and nobody knows: look the key up before repeating."""
    logger.warning("an outcome is unknown", extra={"intent": one.appointment.intent})
    pause = LOOKUP_PAUSE_S * min(12, max(1, one.number - 3))
    _release(
        one, Step.UNKNOWN, State.UNKNOWN, after_s=pause, error=error, lookups=lookups
    )


def _release(
    one: Try,
    step: str,
    state: str,
    *,
    after_s: float,
    error: str = "",
    lookups: int | None = None,
) -> None:
    released = Appointment.objects.filter(_mine(one)).update(
        intent_state=step,
        leased_until=None,
        next_try_at=timezone.now() + timedelta(seconds=after_s),
        last_error=error[:300],
        lookups=F("lookups") if lookups is None else lookups,
    )
    if released and one.appointment.intent == Intent.BOOK:
        Appointment.objects.filter(pk=one.appointment.pk, attempts=one.number).update(
            state=state
        )
