"""Whose appointments a caller may hear of: proven by the signed number, or details."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet

from bookings.answers import Code, Declined
from bookings.calls import Caller
from bookings.language import names, phrases
from bookings.models import Appointment, Call, Customer

PROOF_ATTEMPTS = 3


def customer_of(caller: Caller) -> Customer | None:
    """Return the customer of the signed number, if exactly one has it."""
    if caller.phone is None:
        return None
    found = list(Customer.objects.filter(phone=caller.phone)[:2])
    return found[0] if len(found) == 1 else None


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


def prove(caller: Caller, *, name: str, starts_at: datetime | None) -> None:
    """Let a caller prove an appointment hers by name, day and time.

    A wrong try tells nothing about anybody's appointments; after three there are
    no more in this call.

    :raises Declined: details are missing, nothing fits, or too many tries.
    """
    call = caller.call
    if call.proof_attempts >= PROOF_ATTEMPTS:
        raise Declined(Code.NOT_PERMITTED, phrases.not_permitted(), needs_person=True)
    if names.is_placeholder(name) or starts_at is None:
        raise Declined(Code.NOT_PERMITTED, phrases.identity_needed())
    candidates = Appointment.objects.filter(
        branch=caller.branch,
        state__in=Appointment.LIVE,
        starts_at=starts_at,
        is_rehearsal=call.is_rehearsal,
    ).select_related("customer")
    fitting = [one for one in candidates if names.same_name(one.customer.name, name)]
    if len(fitting) != 1:
        Call.objects.filter(pk=call.pk).update(proof_attempts=F("proof_attempts") + 1)
        raise Declined(Code.NOT_FOUND, phrases.not_found())
    call.proven = [*call.proven, str(fitting[0].pk)]
    Call.objects.filter(pk=call.pk).update(proven=call.proven)
