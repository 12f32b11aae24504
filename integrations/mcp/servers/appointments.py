"""The tools for callers who have an appointment: find it, move it, cancel it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from pydantic import Field

from bookings import availability, identity, intake, replies, wishes
from bookings.answers import Answer, Code, Declined
from bookings.calls import Caller
from bookings.intake import Noted, Taken
from bookings.language import names, phrases
from bookings.models import Appointment, Offer
from bookings.wishes import Wish
from integrations.mcp.registry import (
    READS,
    Confirmed,
    Hints,
    Tool,
    ToolArguments,
    register,
)
from integrations.mcp.servers.booking import NAME, WhenArguments
from integrations.mcp.shapes import ChangeData, ListData

CHANGES = Hints(False, True, True, True)


class WhichArguments(ToolArguments):
    """Which of the caller's appointments is meant."""

    appointment_id: str = Field("", description="From find_bookings.", max_length=60)
    name: str = NAME


@register
class FindBookings(Tool):
    """Name the caller's own future appointments."""

    name = "find_bookings"
    title, title_de = "Find the caller's appointments", "Termine des Anrufers finden"
    description = (
        "The caller's future appointments. A caller with a withheld number must name"
        " the appointment's name, day and time. Ask it before moving or cancelling."
    )
    description_de = (
        "Die künftigen Termine des Anrufers. Wer mit unterdrückter Nummer anruft, muss"
        " Namen, Tag und Uhrzeit des Termins nennen. Vor dem Verschieben und Absagen"
        " fragen."
    )
    hints = READS
    Data = ListData

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
    title, title_de = "Move an appointment", "Termin verschieben"
    description = (
        "Move an appointment to an offer (offer_id) or to a day and a time. The old"
        " appointment stays until the new one is sure; the caller must have said yes"
        " to the new time."
    )
    description_de = (
        "Einen Termin auf ein Angebot (offer_id) oder auf Tag und Uhrzeit verschieben."
        " Der alte Termin bleibt, bis der neue sicher ist; der Anrufer muss der neuen"
        " Zeit zugestimmt haben."
    )
    meanwhile = "Einen Moment bitte, ich verschiebe das."
    hints = CHANGES
    Data = ChangeData

    class Arguments(WhenArguments, WhichArguments):
        """Which appointment, and where to."""

        offer_id: str = Field("", description="The id of an offer.", max_length=40)
        old_date: str = Field("", description="The present day.", max_length=200)
        old_time: str = Field("", description="The present time.", max_length=200)
        reason: str = Field("", description="Why, if it was said.", max_length=500)

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
        return replies.noted(caller, moving, _move_reply(starts_at))


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
    title, title_de = "Cancel an appointment", "Termin absagen"
    description = (
        "Cancel one of the caller's appointments, after the caller has said yes to"
        " that. Say 'abgesagt' only if the code is 'ok'."
    )
    description_de = (
        "Einen Termin des Anrufers absagen, nachdem er das bestätigt hat. „Abgesagt“"
        " nur sagen, wenn der Code „ok“ ist."
    )
    meanwhile = "Einen Moment bitte, ich sage das ab."
    hints = CHANGES
    Data = ChangeData

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
            return replies.noted(caller, Noted(gone, True), replies.cancellation)
        appointment = _appointment(caller, wanted, date=wanted.date, time=wanted.time)
        cancelling = intake.cancel(caller, appointment, reason=wanted.reason)
        return replies.noted(caller, cancelling, replies.cancellation)


@register
class BookingStatus(Tool):
    """Tell what has become of a wish that was still under way."""

    name = "booking_status"
    title, title_de = "What became of a wish", "Was aus einem Wunsch wurde"
    description = (
        "What became of the booking, move or cancellation of this call. Ask it some"
        " seconds after an answer with the code 'pending'."
    )
    description_de = (
        "Was aus der Buchung, Verschiebung oder Absage dieses Anrufs geworden ist."
        " Einige Sekunden nach einer Antwort mit dem Code „pending“ fragen."
    )
    meanwhile = "Einen Moment bitte."
    hints = READS
    Data = ChangeData

    class Arguments(ToolArguments):
        """Which appointment; empty: the latest of this call."""

        appointment_id: str = Field(
            "", description="Which one; empty: the latest.", max_length=60
        )

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return the outcome as the row has it now."""
        return replies.status(caller, _uuid(wanted.appointment_id))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
