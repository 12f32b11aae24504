"""Whom the calendar is told the appointment is for."""

from __future__ import annotations

from bookings.calendars import Attendee
from bookings.models import Appointment
from tenants import redis

#: Never resolves (RFC 2606), so nothing that is sent there can reach a stranger.
TECHNICAL_DOMAIN = "telefon.askpro.invalid"

_INSISTS_S = 24 * 3600


def of(appointment: Appointment, *, with_email: bool = False) -> Attendee:
    """Return the attendee of an appointment.

    Where the calendar insists on an e-mail address and none is known, a technical
    one stands in for this request only: it is never stored, mailed or matched.
    """
    customer = appointment.customer
    email = customer.email or ""
    if not email and (with_email or not customer.phone or _insists(appointment)):
        email = f"{appointment.key.hex}@{TECHNICAL_DOMAIN}"
    return Attendee(
        name=customer.name,
        time_zone=appointment.branch.zone.key,
        phone=customer.phone or "",
        email=email,
    )


def insist(appointment: Appointment) -> None:
    """Remember for a day that this event type takes nobody without an e-mail."""
    redis.ask(
        lambda client: client.set(_name(appointment), b"1", ex=_INSISTS_S),
        otherwise=None,
    )


def _insists(appointment: Appointment) -> bool:
    return redis.ask(
        lambda client: bool(client.exists(_name(appointment))), otherwise=False
    )


def _name(appointment: Appointment) -> str:
    return redis.company_key(
        appointment.company_id, "insists_on_email", appointment.event_type_id
    )
