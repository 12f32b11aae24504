"""Whose appointments a caller may hear of: proven by the signed number, or details."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import F, Q, QuerySet

from bookings.answers import Code, Declined
from bookings.calls import Caller
from bookings.language import names, phrases
from bookings.language.times import Reading
from bookings.models import Appointment, Call, Customer

PROOF_ATTEMPTS = 3


def customer_of(caller: Caller) -> Customer | None:
    """Return the customer of the signed number, if exactly one has it."""
    if caller.phone is None:
        return None
    found = list(Customer.objects.filter(phone=caller.phone)[:2])
    return found[0] if len(found) == 1 else None


def customer_named(phone: str, name: str) -> Customer | None:
    """Return the customer of this number who is called so; None if it isn't clear."""
    family = list(Customer.objects.filter(phone=phone).order_by("id"))
    spoken = names.normalize_name(name)
    same = [one for one in family if names.normalize_name(one.name) == spoken]
    if same:
        return same[0]
    # A family name alone may be anybody's of the family.
    alike = [
        one
        for one in family
        if names.same_name(one.name, name)
        and min(len(names.normalize_name(text).split()) for text in (one.name, name))
        > 1
    ]
    return alike[0] if len(alike) == 1 else None


def appointments_of(caller: Caller) -> QuerySet[Appointment]:
    """Return the caller's future appointments at this branch, next first."""
    mine = Q(call=caller.call) | Q(pk__in=caller.call.proven)
    if caller.phone is not None:
        mine |= Q(customer__phone=caller.phone)
    return (
        Appointment.objects.filter(
            mine,
            branch=caller.branch,
            state__in=Appointment.LIVE,
            starts_at__gt=caller.now,
            is_rehearsal=caller.call.is_rehearsal,
        )
        .select_related("service", "staff", "customer")
        .order_by("starts_at")
    )


def prove(caller: Caller, *, name: str, starts_at: datetime | None) -> Appointment:
    """Let a caller prove an appointment hers by name, day and time; return it.

    A wrong try tells nothing about anybody's appointments; after three there are
    no more in this call.

    :raises Declined: details are missing, nothing fits, or too many tries.
    """
    call = caller.call
    mine = Call.objects.filter(pk=call.pk)
    if names.is_placeholder(name) or starts_at is None:
        raise Declined(Code.NOT_PERMITTED, phrases.identity_needed())
    # Each try is counted before it is made: many at once are no more than three.
    if not mine.filter(proof_attempts__lt=PROOF_ATTEMPTS).update(
        proof_attempts=F("proof_attempts") + 1
    ):
        raise Declined(Code.NOT_PERMITTED, phrases.not_permitted(), needs_person=True)
    candidates = Appointment.objects.filter(
        branch=caller.branch,
        state__in=Appointment.LIVE,
        starts_at=starts_at,
        is_rehearsal=call.is_rehearsal,
    ).select_related("customer")
    fitting = [one for one in candidates if _is_proof(one.customer.name, name)]
    if len(fitting) != 1:
        raise Declined(Code.NOT_FOUND, phrases.not_found())
    call.proven = [*call.proven, str(fitting[0].pk)]
    mine.update(proven=call.proven, proof_attempts=F("proof_attempts") - 1)
    return fitting[0]


def _is_proof(known: str, said: str) -> bool:
    """Tell whether a name proves something: one that only sounds alike doesn't."""
    one, other = (names.normalize_name(text).split() for text in (known, said))
    if len(one) == 1 or len(other) == 1:
        return one[-1:] == other[-1:]
    return sorted(one) == sorted(other)


def fits(appointment: Appointment, reading: Reading, name: str, zone: ZoneInfo) -> bool:
    """Tell whether what was said may mean this appointment; silence fits all."""
    is_named = not names.is_placeholder(name)
    if is_named and not names.same_name(appointment.customer.name, name):
        return False
    at = appointment.starts_at.astimezone(zone)
    first, last = reading.date, reading.date_to or reading.date
    meanings = reading.alternatives or ((None, reading.time),)
    return (
        (first is None or last is None or first <= at.date() <= last)
        and (reading.time_from is None or reading.time_from <= at.time())
        and (reading.time_to is None or at.time() < reading.time_to)
        and any(
            day in (None, at.date()) and clock in (None, at.time())
            for day, clock in meanings
        )
    )
