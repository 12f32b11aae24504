"""The tools for callers who want a new appointment: find a time, book it."""

from __future__ import annotations

from pydantic import Field

from bookings import callbacks, intake, replies, wishes
from bookings.answers import Answer, Code, Declined
from bookings.calendars import CalendarUnavailable
from bookings.calls import Caller
from bookings.intake import Taken
from bookings.language import phrases
from bookings.models import Callback
from bookings.wishes import Wish
from integrations.mcp.registry import (
    Confirmed,
    Hints,
    Tool,
    ToolArguments,
    register,
)
from integrations.mcp.shapes import ChangeData, OffersData

HOLDS = Hints(False, False, True, True)
ADDS = Hints(False, False, True, True)

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
    title, title_de = "Find free times", "Freie Zeiten finden"
    description = (
        "Free appointment times near a wish. Offers two or three times and holds them"
        " for this call; book one with its offer_id. Pass day and time as the caller"
        " said them, never calculated."
    )
    description_de = (
        "Freie Zeiten in der Nähe eines Wunsches. Nennt zwei oder drei Zeiten und hält"
        " sie für diesen Anruf frei; gebucht wird eine mit ihrer offer_id. Tag und"
        " Uhrzeit so übergeben, wie sie gesagt wurden, nie selbst ausrechnen."
    )
    meanwhile = "Einen Moment bitte, ich sehe im Kalender nach."
    hints = HOLDS
    Data = OffersData

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
    title, title_de = "Book an appointment", "Termin buchen"
    description = (
        "Book an appointment: an offer (offer_id), or a day and a time. Needs the"
        " customer's name, and the caller must have said yes to this very time. Say"
        " 'gebucht' only if the code is 'booked'; after 'pending' ask booking_status."
    )
    description_de = (
        "Einen Termin buchen: ein Angebot (offer_id) oder Tag und Uhrzeit. Braucht den"
        " Namen des Kunden und das Ja des Anrufers zu genau dieser Zeit. „Gebucht“ nur"
        " sagen, wenn der Code „booked“ ist; nach „pending“ booking_status fragen."
    )
    meanwhile = "Einen Moment bitte, ich trage das ein."
    hints = ADDS
    Data = ChangeData

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
            noted = intake.book(caller, wish)
        except CalendarUnavailable:
            return _noted_for_callback(caller, wish)
        except Taken as taken:
            return replies.alternatives(
                caller, taken.service, taken.staff, taken.starts_at
            )
        return replies.noted(caller, noted, replies.booking)


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
