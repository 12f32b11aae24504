"""A wish, checked and written down: the row and its time first, the calendar later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from askpro.errors import AskProError
from bookings import availability, identity, occupancy, policies, wishes
from bookings.answers import Code, Declined
from bookings.availability import Choice, Free
from bookings.calls import Caller
from bookings.language import names, phrases
from bookings.language.times import Reading
from bookings.models import Appointment, Customer, Occupancy, Offer
from bookings.occupancy import Claim
from bookings.wishes import Wish
from tenants.models import Service, Staff


class Taken(AskProError):
    """The time that was wished is not free; nothing was stored."""

    def __init__(
        self, service: Service, staff: Staff | None, starts_at: datetime
    ) -> None:
        super().__init__()
        self.service, self.staff, self.starts_at = service, staff, starts_at


@dataclass(frozen=True)
class Agreed:
    """What exactly is to be booked."""

    service: Service
    staff: Staff | None
    starts_at: datetime
    offer: Offer | None


@dataclass(frozen=True)
class Noted:
    """A wish that is written down, and whether it had been before."""

    appointment: Appointment
    is_repeated: bool


def book(caller: Caller, wish: Wish) -> Noted:
    """Write an appointment and its time down; the same wish again gives the same row.

    :raises Declined: something is missing or forbidden; nothing is stored.
    :raises Taken: nothing is stored.
    :raises CalendarUnavailable: a time without an offer could not be checked.
    :raises CalendarRefused: the branch's set-up is wrong.
    """
    if wish.confirmed is False:
        raise Declined(Code.INVALID_INPUT, phrases.ask_confirmation())
    offers = current_offers(caller)
    agreed = _agreed(caller, wish, offers)
    known = identity.customer_of(caller)
    name = wishes.name_of(caller, wish, known)
    repeated = _repeated(caller, agreed, name)
    if repeated is not None:
        return Noted(repeated, True)
    try:
        if agreed.offer is None or not _is_held(agreed.offer):
            choice = _checked(caller, agreed)
        else:
            choice = _choice(caller, agreed)
        return Noted(_written(caller, wish, agreed, choice, name), False)
    except (Taken, IntegrityError):
        # The same wish, sent twice at once: the other one was first.
        repeated = _repeated(caller, agreed, name)
        if repeated is None:
            raise
        return Noted(repeated, True)


def current_offers(caller: Caller) -> list[Offer]:
    """Return everything that this call was offered, latest first."""
    return list(
        Offer.objects.filter(call=caller.call)
        .select_related("service", "staff")
        .order_by("-offered_at", "rank")
    )


def _agreed(caller: Caller, wish: Wish, offers: Sequence[Offer]) -> Agreed:
    offer = next(
        (
            one
            for one in offers
            if one.short_id.lower() == wish.offer_id.strip().lower()
        ),
        None,
    )
    if offer is not None:
        wishes.check_offer(caller.branch, wish, offer)
        return Agreed(offer.service, offer.staff, offer.starts_at, offer)
    reading = wishes.moment_of(caller, wish)
    if reading.time is None and len(offers) == 1 and not wish.date:
        raise Declined(Code.INVALID_INPUT, phrases.ask_time(), field="time")
    meant = offer_meant(caller, reading, offers)
    service = wishes.service_of(caller.branch, wish.service, offers=offers)
    staff = wishes.staff_of(caller.branch, wish.staff)
    if meant is not None and meant.service == service and staff in (None, meant.staff):
        return Agreed(meant.service, meant.staff, meant.starts_at, meant)
    if reading.date is None:
        raise Declined(Code.INVALID_INPUT, phrases.ask_date(), field="date")
    if reading.unsure:
        raise Declined(Code.AMBIGUOUS, phrases.ask_time(), field="time")
    starts_at = availability.wished_instant(caller, reading)
    if starts_at is None:
        raise Declined(Code.INVALID_INPUT, phrases.ask_time(), field="time")
    return Agreed(service, staff, starts_at, None)


def offer_meant(
    caller: Caller, reading: Reading, offers: Sequence[Offer]
) -> Offer | None:
    """Return the offer that a spoken time means.

    Models repeat the day that was asked for beside the time that was offered: then
    a time that only one standing offer has means that offer, with its own day.
    """
    if reading.time is None:
        return None
    zone = caller.branch.zone
    locals_ = [(one, one.starts_at.astimezone(zone)) for one in offers]
    for offer, at in locals_:
        if (at.date(), at.time()) == (reading.date, reading.time):
            return offer
    newest = [
        one
        for one, at in locals_
        if at.time() == reading.time
        and one.held_until > caller.now
        and reading.date in (None, one.wished_on)
    ]
    return newest[0] if len(newest) == 1 else None


def _is_held(offer: Offer) -> bool:
    return Occupancy.objects.filter(
        offer=offer, purpose=Occupancy.Purpose.HOLD, expires_at__gt=timezone.now()
    ).exists()


def _choice(caller: Caller, agreed: Agreed) -> Choice:
    ways = availability.choices(caller.branch, agreed.service, staff=agreed.staff)
    return ways[0]


def _checked(caller: Caller, agreed: Agreed) -> Choice:
    """Ask the calendar whether this very time is free.

    :raises Taken: it isn't.
    """
    policies.check_start(caller, agreed.starts_at)
    ways = availability.choices(caller.branch, agreed.service, staff=agreed.staff)
    begin = agreed.starts_at
    free = availability.free_times(
        caller, ways, begin=begin, end=begin + timedelta(minutes=1), is_fresh=True
    )
    if not free:
        raise Taken(agreed.service, agreed.staff, agreed.starts_at)
    return free[0].choice


def _repeated(caller: Caller, agreed: Agreed, name: str) -> Appointment | None:
    """Return what this wish has become already; the name may be spelled otherwise."""
    rows = list(
        Appointment.objects.filter(
            call=caller.call,
            service=agreed.service,
            starts_at=agreed.starts_at,
            state__in=Appointment.LIVE,
        ).order_by("id")
    )
    spoken = names.normalize_name(name)
    same = [row for row in rows if row.wish_name == spoken]
    alike = [row for row in rows if names.same_name(row.wish_name, spoken)]
    return next(iter(same or alike), None)


def _written(
    caller: Caller, wish: Wish, agreed: Agreed, choice: Choice, name: str
) -> Appointment:
    """Insert the appointment and take its time, or neither.

    :raises Taken: somebody has taken it just now.
    :raises IntegrityError: this very wish is written down already.
    """
    with transaction.atomic():
        occupancy.lock_call(caller.call.pk)
        appointment = _requested(caller, wish, agreed, choice, name)
        occupancy.lock_resources([choice.resource.id], call_id=caller.call.pk)
        offer = agreed.offer
        if offer is None or not occupancy.accept(offer, appointment):
            free = Free(agreed.starts_at, choice)
            if not occupancy.claim(
                [_booking(free, appointment)], rehearsal=appointment.is_rehearsal
            ):
                raise Taken(agreed.service, agreed.staff, agreed.starts_at)
        if offer is not None:
            Offer.objects.filter(pk=offer.pk).update(accepted_at=timezone.now())
        occupancy.drop_holds(caller.call.pk)
    return appointment


def _requested(
    caller: Caller, wish: Wish, agreed: Agreed, choice: Choice, name: str
) -> Appointment:
    branch = caller.branch
    return Appointment.objects.create(
        company_id=branch.company_id,
        branch=branch,
        service=agreed.service,
        staff=choice.staff,
        customer=_customer(caller, wish, name),
        call=caller.call,
        starts_at=agreed.starts_at,
        ends_at=choice.ends_at(agreed.starts_at),
        wish_name=names.normalize_name(name),
        event_type_id=choice.event_type_id,
        is_rehearsal=caller.call.is_rehearsal,
        intent=Appointment.Intent.BOOK,
        intent_state=Appointment.IntentState.REQUESTED,
        intent_call=caller.call,
        intent_reason=wish.reason[:300],
        next_try_at=timezone.now(),
    )


def _booking(free: Free, appointment: Appointment) -> Claim:
    return Claim(
        free.choice.resource,
        occupancy.span(free.choice.service, free.starts_at),
        Occupancy.Purpose.BOOKING,
        appointment=appointment,
    )


def _customer(caller: Caller, wish: Wish, name: str) -> Customer:
    """Return the customer of this number and name, else a new one.

    One number may belong to a family, one name to many: only both together mean
    the same person. A number that was only said proves nothing: its caller is new.
    """
    phone, email = wishes.phone_of(caller, wish), wishes.email_of(wish.email)
    if phone is not None and phone == caller.phone:
        known = identity.customer_named(phone, name)
        if known is not None:
            if email and known.email != email and not caller.call.is_rehearsal:
                known.email = email
                known.save(update_fields=["email"])
            return known
    return Customer.objects.create(
        company_id=caller.branch.company_id, name=name, phone=phone, email=email
    )


def move(
    caller: Caller, appointment: Appointment, starts_at: datetime, *, reason: str = ""
) -> Noted:
    """Write down that an appointment is to move; its old time stays until it has.

    :raises Declined: not allowed, or something else is under way.
    :raises Taken: the new time is not free; the old one stays.
    :raises CalendarUnavailable: the new time could not be checked.
    """
    if _is_moved(appointment, starts_at):
        return Noted(appointment, True)
    is_repeated = False
    try:
        _write_move(caller, appointment, starts_at, reason)
    except (Declined, Taken):
        # Sent twice at once: the other one may have been first.
        appointment.refresh_from_db()
        if not _is_moved(appointment, starts_at):
            raise
        is_repeated = True
    appointment.refresh_from_db()
    return Noted(appointment, is_repeated)


def _is_moved(appointment: Appointment, starts_at: datetime) -> bool:
    """Tell whether this move is done or under way."""
    if appointment.intent is None:
        return appointment.starts_at == starts_at and appointment.is_live
    return (
        appointment.intent == Appointment.Intent.MOVE
        and appointment.wished_starts_at == starts_at
    )


def _write_move(
    caller: Caller, appointment: Appointment, starts_at: datetime, reason: str
) -> None:
    policies.check_change(caller, appointment)
    policies.check_start(caller, starts_at)
    if appointment.intent is not None:
        raise Declined(Code.UNKNOWN_STATE, phrases.still_under_way())
    choice = availability.choice_of(appointment)
    taken = Taken(appointment.service, choice.staff, starts_at)
    free = availability.free_times(
        caller,
        [choice],
        begin=starts_at,
        end=starts_at + timedelta(minutes=1),
        moving_uid=appointment.calcom_uid,
    )
    if not free:
        raise taken
    wanted = occupancy.span(appointment.service, starts_at)
    with transaction.atomic():
        _open_intent(
            caller,
            appointment,
            Appointment.Intent.MOVE,
            reason,
            wished_starts_at=starts_at,
        )
        occupancy.lock_call(caller.call.pk)
        occupancy.lock_resources([choice.resource.id], call_id=caller.call.pk)
        # What is held for this call is let go first: the new time is one of them.
        occupancy.drop_holds(caller.call.pk)
        if not occupancy.claim_move(appointment, choice.resource, wanted):
            raise taken


def cancel(caller: Caller, appointment: Appointment, *, reason: str) -> Noted:
    """Write down that an appointment is to be cancelled.

    :raises Declined: not allowed, or something else is under way.
    """
    is_repeated = _is_cancelled(appointment)
    if not is_repeated:
        try:
            policies.check_change(caller, appointment)
            _open_intent(caller, appointment, Appointment.Intent.CANCEL, reason)
        except Declined:
            # Sent twice at once: the other one may have been first.
            appointment.refresh_from_db()
            if not _is_cancelled(appointment):
                raise
            is_repeated = True
    appointment.refresh_from_db()
    return Noted(appointment, is_repeated)


def _is_cancelled(appointment: Appointment) -> bool:
    """Tell whether the cancellation is done or under way."""
    return (
        appointment.intent == Appointment.Intent.CANCEL
        or appointment.state == Appointment.State.CANCELLED
    )


def _open_intent(
    caller: Caller,
    appointment: Appointment,
    intent: str,
    reason: str,
    **fields: object,
) -> None:
    """Open what is to be done, in one UPDATE, so that only one can be open."""
    opened = Appointment.objects.filter(
        pk=appointment.pk,
        intent__isnull=True,
        # Requested with nothing under way: staff have yet to confirm it.
        state__in=[Appointment.State.BOOKED, Appointment.State.REQUESTED],
    ).update(
        intent=intent,
        intent_state=Appointment.IntentState.REQUESTED,
        intent_call=caller.call,
        intent_reason=reason[:300],
        next_try_at=timezone.now(),
        leased_until=None,
        answer_by_at=None,
        lookups=0,
        last_error="",
        **fields,
    )
    if not opened:
        raise Declined(Code.UNKNOWN_STATE, phrases.still_under_way())
