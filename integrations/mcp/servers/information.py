"""The tools for callers that change no appointment."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from pydantic import Field

from bookings import callbacks, hours, identity, replies, wishes
from bookings.answers import Answer, Code, Declined
from bookings.calls import Caller
from bookings.language import names, phrases
from bookings.language.times import Reading, resolve
from bookings.models import Callback
from bookings.wishes import Wish
from integrations.mcp.registry import READS, Hints, Tool, ToolArguments, register
from integrations.mcp.shapes import (
    CallbackData,
    ContextData,
    CustomerData,
    HoursData,
    ReadingData,
    ServicesData,
)


@register
class GetCustomerInfo(Tool):
    """Tell what we know of the caller, as far as the number proves it."""

    name = "get_customer_info"
    title, title_de = "Who is calling", "Wer anruft"
    description = (
        "Whether the caller is known by the telephone number, and the next"
        " appointment. Ask it at the start of a call."
    )
    description_de = (
        "Ob der Anrufer an der Telefonnummer erkannt wird, und der nächste Termin. Zu"
        " Beginn eines Anrufs fragen."
    )
    hints = READS
    needs_call = False
    Data = CustomerData

    def run(self, caller: Caller, wanted: Any) -> Answer:
        """Return the name of the caller, if the signed number is one customer's."""
        customer = identity.customer_of(caller)
        upcoming = identity.appointments_of(caller).first()
        return Answer(
            Code.OK,
            phrases.customer_known(
                customer.name if customer else "",
                upcoming.starts_at if upcoming else None,
                zone=caller.branch.zone,
                now=caller.now,
            ),
            {
                "is_known": customer is not None,
                "name": customer.name if customer else "",
                "next_appointment": replies.facts(upcoming) if upcoming else None,
            },
        )


@register
class ListServices(Tool):
    """Name what can be booked."""

    name = "list_services"
    title, title_de = "What can be booked", "Was man buchen kann"
    description = (
        "The services of this branch, with duration and price. Ask it where the caller"
        " does not know what there is."
    )
    description_de = (
        "Die Leistungen dieser Filiale mit Dauer und Preis. Fragen, wenn der Anrufer"
        " nicht weiß, was es gibt."
    )
    hints = READS
    needs_call = False
    Data = ServicesData

    def run(self, caller: Caller, wanted: Any) -> Answer:
        """Return the services."""
        services = wishes.services_of(caller.branch)
        return Answer(
            Code.OK,
            phrases.services([one.name for one in services]),
            {
                "services": [
                    {
                        "name": one.name,
                        "duration_min": one.duration_min,
                        "price_eur": str(one.price_eur) if one.price_eur else None,
                    }
                    for one in services
                ]
            },
        )


@register
class GetOpeningHours(Tool):
    """Tell when the branch is open."""

    name = "get_opening_hours"
    title, title_de = "Opening hours", "Öffnungszeiten"
    description = (
        "The weekly opening hours of this branch. Free times are another question:"
        " check_availability."
    )
    description_de = (
        "Die wöchentlichen Öffnungszeiten dieser Filiale. Freie Zeiten sind eine"
        " andere Frage: check_availability."
    )
    hints = READS
    needs_ready_branch = False
    needs_call = False
    Data = HoursData

    def run(self, caller: Caller, wanted: Any) -> Answer:
        """Return the weekly hours."""
        weekly = caller.branch.opening_hours
        return Answer(Code.OK, phrases.opening_hours(weekly), {"hours": weekly})


@register
class GetCurrentContext(Tool):
    """Tell the agent day, time and place."""

    name = "get_current_context"
    title, title_de = "Day, time and place", "Tag, Uhrzeit und Ort"
    description = "Today's date, the time and the branch. Call it before any date."
    description_de = (
        "Das heutige Datum, die Uhrzeit und die Filiale. Vor jedem Datum aufrufen."
    )
    hints = READS
    needs_ready_branch = False
    needs_call = False
    Data = ContextData

    def run(self, caller: Caller, wanted: Any) -> Answer:
        """Return day and time at the branch."""
        branch, zone = caller.branch, caller.branch.zone
        return Answer(
            Code.OK,
            phrases.context(caller.now, zone, branch.company.name),
            {
                "now": caller.now.astimezone(zone).isoformat(timespec="minutes"),
                "time_zone": zone.key,
                "company": branch.company.name,
                "branch": branch.name,
                "correlation_id": caller.call.correlation_id,
            },
        )


@register
class RequestCallback(Tool):
    """Note that a person shall call back."""

    name = "request_callback"
    title, title_de = "Ask for a callback", "Rückruf notieren"
    description = (
        "Note that the branch shall call the caller back. Use it where the caller"
        " wishes a person, or where nothing else helps."
    )
    description_de = (
        "Notieren, dass die Filiale den Anrufer zurückrufen soll. Verwenden, wenn der"
        " Anrufer einen Menschen wünscht oder sonst nichts hilft."
    )
    hints = Hints(False, False, True, False)
    needs_ready_branch = False
    Data = CallbackData

    class Arguments(ToolArguments):
        """Whom to call, and why."""

        name: str = Field("", description="The caller's name.", max_length=200)
        phone: str = Field(
            "", description="If another than the caller's.", max_length=60
        )
        reason: str = Field("", description="What it is about.", max_length=500)

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return what was noted."""
        wish = Wish(name=wanted.name, phone=wanted.phone)
        phone = wishes.phone_of(caller, wish)
        if phone is None:
            raise Declined(Code.INVALID_INPUT, phrases.ask_phone(), field="phone")
        is_repeated = callbacks.is_requested(caller.call)
        callback = callbacks.store(
            caller.branch,
            Callback.Kind.REQUESTED,
            call=caller.call,
            name="" if names.is_placeholder(wanted.name) else wanted.name,
            phone=phone,
            reason=wanted.reason,
        )
        data = {"callback_id": str(callback.pk)}
        return Answer(
            Code.OK,
            phrases.callback_noted(),
            data | ({"repeated": True} if is_repeated else {}),
        )


@register
class ResolveTime(Tool):
    """Read a spoken date or time."""

    name = "resolve_time"
    title, title_de = "What a spoken time means", "Was eine gesagte Zeit bedeutet"
    description = (
        "What a German phrase such as 'nächsten Dienstag um halb drei' means: day, time"
        " or window. The other tools read such phrases themselves; ask this only to"
        " say a time back to the caller."
    )
    description_de = (
        "Was ein Ausdruck wie „nächsten Dienstag um halb drei“ bedeutet: Tag, Uhrzeit"
        " oder Zeitraum. Die anderen Werkzeuge lesen solche Ausdrücke selbst; nur"
        " fragen, um dem Anrufer eine Zeit zu wiederholen."
    )
    hints = READS
    needs_ready_branch = False
    needs_call = False
    Data = ReadingData

    class Arguments(ToolArguments):
        """What was said."""

        phrase: str = Field(
            description="Day and time as the caller said them.", max_length=200
        )

    def run(self, caller: Caller, wanted: Arguments) -> Answer:
        """Return what it means, or what to ask."""
        branch = caller.branch
        reading = resolve(
            wanted.phrase,
            now=caller.now,
            zone=branch.zone,
            region=branch.region or branch.company.region,
            hours=hours.span(branch),
        )
        window = reading.time_from, reading.time_to
        understood = phrases.read_back(
            reading.date, reading.date_to, reading.time, window
        )
        if reading.unsure:
            days = sorted({day for day, _ in reading.alternatives if day})
            understood = phrases.ask_time()
            if len(days) > 1:
                understood = phrases.which_day(*days[:2])
        is_asking = bool(reading.question) or reading.unsure
        return Answer(
            Code.AMBIGUOUS if is_asking else Code.OK,
            reading.question or understood,
            {"phrase": wanted.phrase} | _reading(reading),
        )


def _reading(reading: Reading) -> dict[str, Any]:
    def text(value: date | time | None) -> str | None:
        if value is None:
            return None
        return value.isoformat("minutes") if isinstance(value, time) else str(value)

    return {
        "date": text(reading.date),
        "date_to": text(reading.date_to),
        "time": text(reading.time),
        "time_from": text(reading.time_from),
        "time_to": text(reading.time_to),
        "unsure": reading.unsure,
        "alternatives": [
            {"date": text(day), "time": text(clock)}
            for day, clock in reading.alternatives
        ],
        "error": reading.error,
    }
