"""The tools for callers: find a time, book it, move it, cancel it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from pydantic import Field

from bookings import availability, callbacks, identity, intake, replies, wishes
from bookings.answers import Answer, Code, Declined
from bookings.calendars import CalendarUnavailable
from bookings.calls import Caller
from bookings.intake import Taken
from bookings.language import names, phrases
from bookings.models import Appointment, Callback, Offer
from bookings.wishes import Wish
from integrations.mcp.registry import Confirmed, Tool, ToolArguments, register

DATE = Field("", description="The day as the caller said it, or ISO.", max_length=200)
TIME = Field(
    "", description="The time as the caller said it, or HH:MM.", max_length=200
)
SERVICE = Field("", description="The service as the caller named it.", max_length=200)
STAFF = Field("", description="The wished person, if one was named.", max_length=200)
NAME = Field("", description="First and last name of the customer.", max_length=200)


class WhenArguments(ToolArguments):
    """A moment, as it was spoken."""

    date: str = DATE
    time: str = TIME


@register
class CheckAvailability(Tool):
    """Offer times and hold them for this call."""

    name = "check_availability"
    description = (
        "Free appointment times near a wish. Offers two or three times and holds them"
        " for this call; book one with its offer_id."
    )

    class Arguments(WhenArguments):
        """When, for what, with whom."""

        service: str = SERVICE
        staff: str = STAFF

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return the offers."""
        wish = Wish(wanted.date, wanted.time, wanted.service, wanted.staff)
        reading = wishes.moment_of(caller, wish)
        service = wishes.service_of(caller.branch, wish.service)
        staff = wishes.staff_of(caller.branch, wish.staff)
        return replies.offers(caller, reading, service, staff)


@register
class CreateBooking(Tool):
    """Book an offer, or a time that is checked now."""

    name = "create_booking"
    description = (
        "Book an appointment: an offer (offer_id), or a day and a time. Needs the"
        " customer's name. Say 'gebucht' only if the code is 'booked'."
    )

    class Arguments(WhenArguments):
        """What to book, and for whom."""

        offer_id: str = Field("", description="The id of an offer.", max_length=40)
        service: str = SERVICE
        staff: str = STAFF
        name: str = NAME
        phone: str = Field("", description="A number to call back.", max_length=60)
        email: str = Field("", description="For the confirmation.", max_length=200)
        reason: str = Field("", description="What it is about.", max_length=500)
        confirmed: Confirmed = Field(None, description="The caller said yes.")

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return the booking, or alternatives."""
        wish = Wish(**wanted.model_dump())
        try:
            appointment = intake.book(caller, wish)
        except CalendarUnavailable:
            return _noted_for_callback(caller, wish)
        except Taken as taken:
            return replies.alternatives(
                caller, taken.service, taken.staff, taken.starts_at
            )
        return replies.settled(caller, appointment, replies.booking)


def _noted_for_callback(caller: Caller, wish: Wish) -> Answer:
    """The time can't be checked: a person shall call back, which is stored first."""
    phone = wishes.phone_of(caller, wish)
    if phone is None:
        raise Declined(Code.UPSTREAM_UNAVAILABLE, phrases.ask_phone(), field="phone")
    spoken = " ".join(filter(None, (wish.service, wish.date, wish.time)))
    callback = callbacks.store(
        caller.branch,
        Callback.Kind.REQUESTED,
        call=caller.call,
        name=wish.name,
        phone=phone,
        reason=spoken,
    )
    return Answer(
        Code.UPSTREAM_UNAVAILABLE,
        phrases.callback_noted(),
        {"callback_id": str(callback.pk)},
    )


class WhichArguments(ToolArguments):
    """Which of the caller's appointments is meant."""

    appointment_id: str = Field("", description="From find_bookings.", max_length=60)
    name: str = NAME


@register
class FindBookings(Tool):
    """Name the caller's own future appointments."""

    name = "find_bookings"
    description = (
        "The caller's future appointments. A caller with a withheld number must name"
        " the appointment's name, day and time."
    )

    class Arguments(WhenArguments, WhichArguments):
        """Proof, where the number does not prove it."""

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return the appointments."""
        found = list(identity.appointments_of(caller))
        if not found:
            _prove(caller, wanted.name, wanted.date, wanted.time)
            found = list(identity.appointments_of(caller))
        return replies.listing(caller, found)


def _prove(caller: Caller, name: str, date: str, time: str) -> Appointment:
    if caller.phone is not None and names.is_placeholder(name):
        raise Declined(Code.NOT_FOUND, phrases.not_found())
    starts_at = None
    if date or time:
        reading = wishes.moment_of(caller, Wish(date, time))
        if reading.unsure:
            raise Declined(Code.AMBIGUOUS, phrases.ask_time(), field="time")
        starts_at = availability.wished_instant(caller, reading, check_notice=False)
    return identity.prove(caller, name=name, starts_at=starts_at)


def _meant(
    caller: Caller, found: Iterable[Appointment], name: str, date: str, time: str
) -> list[Appointment]:
    """Return those that what was said may mean."""
    reading = wishes.moment_of(caller, Wish(date, time))
    zone = caller.branch.zone
    return [one for one in found if identity.fits(one, reading, name, zone)]


def _appointment(
    caller: Caller, wanted: WhichArguments, *, date: str = "", time: str = ""
) -> Appointment:
    """Return the one appointment that is meant.

    :raises Declined: none, or several; asks which.
    """
    mine = list(identity.appointments_of(caller))
    if not mine:
        return _prove(caller, wanted.name, date, time)
    if wanted.appointment_id:
        found = [one for one in mine if str(one.pk) == wanted.appointment_id]
        if not found:
            raise Declined(Code.NOT_FOUND, phrases.not_found())
        return found[0]
    found = _meant(caller, mine, wanted.name, date, time)
    if len(found) == 1:
        return found[0]
    is_elses = not _meant(caller, mine, wanted.name, "", "")
    if is_elses and date and time:
        # Somebody else's, from this telephone: that takes a proof.
        return _prove(caller, wanted.name, date, time)
    which = found or mine
    raise Declined(
        Code.AMBIGUOUS,
        phrases.ask_which_appointment(
            [one.starts_at for one in which], zone=caller.branch.zone, now=caller.now
        ),
        appointments=[replies.facts(one) for one in which],
    )


def _cancelled(
    caller: Caller, wanted: WhichArguments, *, date: str, time: str
) -> Appointment | None:
    """Return what this very call has cancelled already, if that is asked for again."""
    gone = Appointment.objects.filter(
        intent_call=caller.call, state=Appointment.State.CANCELLED
    ).select_related("service", "customer", "branch")
    if wanted.appointment_id:
        return next((one for one in gone if str(one.pk) == wanted.appointment_id), None)
    said = (wanted.name, date, time)
    meant = _meant(caller, gone.order_by("-id"), *said)
    if not meant or _meant(caller, identity.appointments_of(caller), *said):
        return None
    return meant[0]


@register
class RescheduleBooking(Tool):
    """Move an appointment; the old time stays until the new one is sure."""

    name = "reschedule_booking"
    description = (
        "Move an appointment to an offer (offer_id) or to a day and a time. The old"
        " appointment stays until the new one is sure."
    )

    class Arguments(WhenArguments, WhichArguments):
        """Which appointment, and where to."""

        offer_id: str = Field("", description="The id of an offer.", max_length=40)
        old_date: str = Field("", description="The present day.", max_length=200)
        old_time: str = Field("", description="The present time.", max_length=200)
        reason: str = Field("", description="Why.", max_length=500)

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return the moved appointment, or alternatives."""
        appointment = _appointment(
            caller, wanted, date=wanted.old_date, time=wanted.old_time
        )
        wish = Wish(wanted.date, wanted.time, offer_id=wanted.offer_id)
        starts_at = _new_start(caller, wish, appointment)
        try:
            moving = intake.move(caller, appointment, starts_at, reason=wanted.reason)
        except Taken as taken:
            return replies.alternatives(
                caller, taken.service, taken.staff, taken.starts_at
            )
        return replies.settled(caller, moving, _move_reply(starts_at))


def _move_reply(starts_at: datetime) -> Callable[[Caller, Appointment], Answer]:
    def reply(caller: Caller, appointment: Appointment) -> Answer:
        is_elsewhere = appointment.is_live and appointment.starts_at != starts_at
        if appointment.intent is None and is_elsewhere:
            return replies.move_failed(caller, appointment)
        return replies.move(caller, appointment)

    return reply


def _new_start(caller: Caller, wish: Wish, appointment: Appointment) -> datetime:
    offers = intake.current_offers(caller)
    for offer in offers:
        if offer.short_id.lower() == wish.offer_id.strip().lower():
            return offer.starts_at
    if not wish.date and not wish.time:
        raise Declined(Code.INVALID_INPUT, phrases.ask_date(), field="date")
    reading = wishes.moment_of(caller, wish)
    meant: Offer | None = intake.offer_meant(caller, reading, offers)
    if meant is not None:
        return meant.starts_at
    if reading.unsure:
        raise Declined(Code.AMBIGUOUS, phrases.ask_time(), field="time")
    if reading.date is None:
        raise Declined(Code.INVALID_INPUT, phrases.ask_date(), field="date")
    at = availability.wished_instant(caller, reading)
    if at is None:
        raise Declined(Code.INVALID_INPUT, phrases.ask_time(), field="time")
    return at


@register
class CancelBooking(Tool):
    """Cancel an appointment."""

    name = "cancel_booking"
    description = "Cancel one of the caller's appointments."

    class Arguments(WhenArguments, WhichArguments):
        """Which appointment."""

        reason: str = Field("", description="Why, if it was said.", max_length=500)
        confirmed: Confirmed = Field(None, description="The caller said yes.")

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return the cancellation."""
        if wanted.confirmed is False:
            raise Declined(Code.INVALID_INPUT, phrases.ask_confirmation())
        gone = _cancelled(caller, wanted, date=wanted.date, time=wanted.time)
        if gone is not None:
            return replies.cancellation(caller, gone)
        appointment = _appointment(caller, wanted, date=wanted.date, time=wanted.time)
        cancelling = intake.cancel(caller, appointment, reason=wanted.reason)
        return replies.settled(caller, cancelling, replies.cancellation)


@register
class BookingStatus(Tool):
    """Tell what has become of a wish that was still under way."""

    name = "booking_status"
    description = "What became of the booking, move or cancellation of this call."

    class Arguments(ToolArguments):
        """Which appointment; empty: the latest of this call."""

        appointment_id: str = Field("", max_length=60)

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return the outcome as the row has it now."""
        return replies.status(caller, _uuid(wanted.appointment_id))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
