"""Answers, built from rows as they are now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Max, Q

from bookings import availability, callbacks, hours, outcomes, waiting
from bookings.answers import Answer, Code, Declined
from bookings.availability import Free
from bookings.calendars import CalendarUnavailable
from bookings.calls import Caller
from bookings.intake import Noted
from bookings.language import phrases
from bookings.language.times import Reading
from bookings.models import Appointment, Offer
from bookings.tasks import attempt_soon
from tenants.models import Service, Staff

Reply = Callable[[Caller, Appointment], Answer]


def offers(
    caller: Caller,
    reading: Reading,
    service: Service,
    staff: Staff | None,
    *,
    is_taken: bool = False,
) -> Answer:
    """Find times near a wish, hold them for this call and say them.

    :param is_taken: the wished time was just found taken. The calendar may go on
        offering it for some seconds; we don't.
    :raises Declined: the wish can't be met by any time.
    :raises CalendarUnavailable: the calendar gave no answer in time.
    """
    ways = availability.choices(caller.branch, service, staff=staff)
    exact = availability.wished_instant(caller, reading)
    begin, end = availability.window(caller, reading)
    free = availability.free_times(caller, ways, begin=begin, end=end)
    if is_taken:
        free = [one for one in free if one.starts_at != exact]
    held = _held(caller, reading, free)
    zone, starts = caller.branch.zone, [offer.starts_at for offer in held]
    is_gone = is_taken or (exact is not None and exact not in starts)
    data: dict[str, Any] = {
        "service": service.name,
        "offers": [_offer_facts(caller, offer) for offer in held],
    }
    day = reading.date if reading.date_to in (None, reading.date) else None
    if day is not None and hours.is_closed(caller.branch, day):
        say = phrases.closed(day, starts, zone=zone, now=caller.now)
    elif not held:
        say = phrases.nothing_free(reading.date, zone=zone, now=caller.now)
    elif is_gone:
        say = phrases.taken(exact, starts, zone=zone, now=caller.now)
    else:
        say = phrases.offer(starts, zone=zone, now=caller.now)
    code = Code.TAKEN if is_gone else Code.OK
    return Answer(code if held else Code.NOTHING_FREE, say, data)


def _held(caller: Caller, reading: Reading, free: Sequence[Free]) -> list[Offer]:
    """Hold the best times; where others took all of them just now, the next best."""
    remaining = list(free)
    held: list[Offer] = []
    while remaining and not held:
        candidates = availability.best(caller, reading, remaining)
        held = availability.hold(caller, candidates, wished_on=reading.date)
        remaining = [one for one in remaining if one not in candidates]
    return held


def _offer_facts(caller: Caller, offer: Offer) -> dict[str, Any]:
    local = offer.starts_at.astimezone(caller.branch.zone)
    return {
        "offer_id": offer.short_id,
        "starts_at": offer.starts_at.astimezone(UTC).isoformat(),
        "local": local.isoformat(timespec="minutes"),
        "say": phrases.when(offer.starts_at, zone=caller.branch.zone, now=caller.now),
        "staff": offer.staff.name if offer.staff else None,
    }


def facts(appointment: Appointment) -> dict[str, Any]:
    """Return an appointment as a machine reads it."""
    return {
        "appointment_id": str(appointment.pk),
        "state": appointment.state,
        "under_way": appointment.intent,
        "starts_at": appointment.starts_at.astimezone(UTC).isoformat(),
        "service": appointment.service.name,
    }


def noted(caller: Caller, wish: Noted, reply: Reply) -> Answer:
    """Answer a wish that is written down; a repeat is told as one.

    A repeat waits for the first, and its answer is built from the row as it is now.
    """
    answer = settled(caller, wish.appointment, reply)
    if not wish.is_repeated:
        return answer
    return replace(answer, data=answer.data | {"repeated": True})


def settled(caller: Caller, appointment: Appointment, reply: Reply) -> Answer:
    """Have the wish worked on, wait until the deadline, and tell what came of it."""
    if appointment.intent is not None:
        waiting.until_settled(
            appointment.company_id,
            appointment.pk,
            deadline=caller.deadline - availability.TO_ANSWER_S,
            start=lambda: attempt_soon(appointment),
        )
        outcomes.stop_waiting(appointment)
    return reply(caller, _read(appointment.pk))


def _read(appointment_id: UUID) -> Appointment:
    return Appointment.objects.select_related("service", "customer", "branch").get(
        pk=appointment_id
    )


def booking(caller: Caller, appointment: Appointment) -> Answer:
    """Tell what has become of a booking."""
    zone, state = caller.branch.zone, appointment.state
    at = phrases.when(appointment.starts_at, zone=zone, now=caller.now)
    data = facts(appointment)
    if state == Appointment.State.BOOKED:
        callbacks.close_of(appointment)
        return Answer(Code.BOOKED, phrases.booked(at), data)
    if state == Appointment.State.CANCELLED:
        return Answer(Code.OK, phrases.cancelled(at), data)
    if state != Appointment.State.DECLINED:
        return Answer(Code.PENDING, _pending(appointment, at), data)
    if appointment.last_error != "taken":
        return Answer(
            Code.UPSTREAM_UNAVAILABLE, _will_call_back(caller, appointment), data
        )
    callbacks.close_of(appointment)
    return alternatives(
        caller, appointment.service, appointment.staff, appointment.starts_at
    )


def alternatives(
    caller: Caller, service: Service, staff: Staff | None, starts_at: datetime
) -> Answer:
    """Say that a time is taken, and offer others near it."""
    local = starts_at.astimezone(caller.branch.zone)
    reading = Reading(date=local.date(), time=local.time())
    try:
        return offers(caller, reading, service, staff, is_taken=True)
    except CalendarUnavailable:
        # No time is left to look: that this one is gone is known all the same.
        say = phrases.taken(starts_at, [], zone=caller.branch.zone, now=caller.now)
        return Answer(Code.TAKEN, say, {"service": service.name, "offers": []})


def _pending(appointment: Appointment, at: str) -> str:
    """Noted, where nothing could be sent yet; being entered, where it was."""
    is_noted = (
        appointment.intent is None  # staff have yet to confirm it in the calendar
        or appointment.intent_state == Appointment.IntentState.UNKNOWN
        or (
            appointment.intent_state == Appointment.IntentState.REQUESTED
            and appointment.attempts > 0
        )
    )
    return phrases.noted(at) if is_noted else phrases.pending(at)


def move(caller: Caller, appointment: Appointment) -> Answer:
    """Tell what has become of a move."""
    zone = caller.branch.zone
    if appointment.intent is not None:
        wished = appointment.wished_starts_at or appointment.starts_at
        at = phrases.when(wished, zone=zone, now=caller.now)
        return Answer(Code.PENDING, phrases.move_pending(at), facts(appointment))
    if not appointment.is_live:
        return Answer(Code.NOT_FOUND, phrases.not_found(), facts(appointment))
    at = phrases.when(appointment.starts_at, zone=zone, now=caller.now)
    if appointment.state != Appointment.State.BOOKED:
        return Answer(Code.PENDING, phrases.noted(at), facts(appointment))
    callbacks.close_of(appointment)
    return Answer(Code.BOOKED, phrases.moved(at), facts(appointment))


def move_failed(caller: Caller, appointment: Appointment) -> Answer:
    """Tell that a move did not work and the old time stands."""
    at = phrases.when(appointment.starts_at, zone=caller.branch.zone, now=caller.now)
    code = Code.UPSTREAM_UNAVAILABLE
    if appointment.last_error == "taken":
        # Told, and nobody's help is needed for another time.
        callbacks.close_of(appointment)
        code = Code.TAKEN
    return Answer(code, phrases.move_failed(at), facts(appointment))


def cancellation(caller: Caller, appointment: Appointment) -> Answer:
    """Tell what has become of a cancellation."""
    at = phrases.when(appointment.starts_at, zone=caller.branch.zone, now=caller.now)
    if appointment.state == Appointment.State.CANCELLED:
        callbacks.close_of(appointment)
        return Answer(Code.OK, phrases.cancelled(at), facts(appointment))
    if appointment.intent is not None:
        return Answer(Code.PENDING, phrases.cancel_pending(at), facts(appointment))
    say = _will_call_back(caller, appointment)
    return Answer(Code.UPSTREAM_UNAVAILABLE, say, facts(appointment))


def _will_call_back(caller: Caller, appointment: Appointment) -> str:
    """Say what was stored when the outcome was; without a number, ask for one."""
    if caller.phone or appointment.customer.phone:
        return phrases.callback_noted()
    return phrases.ask_phone()


def listing(caller: Caller, found: Sequence[Appointment]) -> Answer:
    """Name appointments."""
    starts: list[datetime] = [one.starts_at for one in found]
    say = phrases.appointments(starts, zone=caller.branch.zone, now=caller.now)
    return Answer(Code.OK, say, {"appointments": [facts(one) for one in found]})


def status(caller: Caller, appointment_id: UUID | None) -> Answer:
    """Tell what has become of what this call asked for last.

    :raises Declined: it asked for nothing.
    """
    mine = Appointment.objects.filter(Q(call=caller.call) | Q(intent_call=caller.call))
    if appointment_id is not None:
        mine = mine.filter(pk=appointment_id)
    # What is under way comes before what this call has settled last.
    latest = Max("changes__at", filter=Q(changes__call=caller.call))
    appointment = (
        mine.annotate(latest=latest)
        .order_by("intent", F("latest").desc(nulls_last=True), "-id")
        .first()
    )
    if appointment is None:
        raise Declined(Code.NOT_FOUND, phrases.not_found())
    change = appointment.changes.filter(call=caller.call).order_by("-id").first()
    what = appointment.intent or (change.what if change else "book")
    if what == Appointment.Intent.CANCEL:
        return settled(caller, appointment, cancellation)
    if what == Appointment.Intent.MOVE:
        is_failed = change is not None and bool(change.why) and not appointment.intent
        return settled(caller, appointment, move_failed if is_failed else move)
    return settled(caller, appointment, booking)
