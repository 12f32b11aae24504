"""The tools for callers that change no appointment."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from bookings import callbacks, identity, replies, wishes
from bookings.answers import Answer, Code, Declined
from bookings.calls import Caller
from bookings.language import names, phrases
from bookings.models import Callback
from bookings.wishes import Wish
from integrations.mcp.registry import Tool, ToolArguments, register


@register
class GetCustomerInfo(Tool):
    """Tell what we know of the caller, as far as the number proves it."""

    name = "get_customer_info"
    description = "Whether the caller is known, and the next appointment."

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
    description = "The services of this branch, with duration and price."

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
    description = "The opening hours of this branch."
    needs_ready_branch = False

    def run(self, caller: Caller, wanted: Any) -> Answer:
        """Return the weekly hours."""
        opening_hours = caller.branch.opening_hours
        return Answer(
            Code.OK, phrases.opening_hours(opening_hours), {"hours": opening_hours}
        )


@register
class GetCurrentContext(Tool):
    """Tell the agent day, time and place."""

    name = "get_current_context"
    description = "Today's date, the time and the branch. Call it before any date."
    needs_ready_branch = False

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
    description = "Note that the branch shall call the caller back."
    needs_ready_branch = False

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
        callback = callbacks.store(
            caller.branch,
            Callback.Kind.REQUESTED,
            call=caller.call,
            name="" if names.is_placeholder(wanted.name) else wanted.name,
            phone=phone,
            reason=wanted.reason,
        )
        return Answer(
            Code.OK, phrases.callback_noted(), {"callback_id": str(callback.pk)}
        )
