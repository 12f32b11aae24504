"""What blocks time. One table, one exclusion constraint, one way to write to it.

Rows are inserted by ``ON CONFLICT … DO NOTHING`` only: a plain INSERT under an
exclusion constraint deadlocks among racers. Whoever takes time while it gives back
other, as a new offer does, could still wait for one that waits for it: so all lock in
one order, the appointment's row, the call's row, the resources, and only then touch
what blocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from askpro.ids import uuid7
from bookings.models import Appointment, Call, Occupancy, Offer
from tenants.models import Service

HOLD_S = 180
_LOCKS = 7305  # our locks among the advisory ones of two numbers

_INSERT = (
    "INSERT INTO bookings_occupancy (id, company_id, resource, lanes, during, purpose,"
    " offer_id, appointment_id, expires_at) VALUES "
)
_ROW = "(%s, %s, %s, %s::int4range, tstzrange(%s, %s), %s, %s, %s, %s)"
_UNLESS_TAKEN = (
    " ON CONFLICT ON CONSTRAINT occupancy_no_overlap DO NOTHING RETURNING id"
)

#: The time of one visit with its buffers: begin, end.
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Resource:
    """Whose time is taken: a staff member's, else the branch's."""

    id: UUID
    places: int = 1  # visits that may run side by side

    def lanes(self, *, rehearsal: bool) -> list[str]:
        """Return the lanes to try, as int4range texts."""
        if rehearsal:
            return ["(,0)"]
        if self.places == 1:
            return ["[0,)"]
        return [f"[{place},{place}]" for place in range(self.places)]


@dataclass(frozen=True)
class Claim:
    """A wish to take a span of a resource's time."""

    resource: Resource
    span: Span
    purpose: str
    offer: Offer | None = None
    appointment: Appointment | None = None
    expires_at: datetime | None = None


def span(service: Service, starts_at: datetime) -> Span:
    """Return the time that a visit takes, buffers included."""
    return (
        starts_at - timedelta(minutes=service.buffer_before_min),
        starts_at + timedelta(minutes=service.duration_min + service.buffer_after_min),
    )


def busy(
    resource: Resource,
    begin: datetime,
    end: datetime,
    *,
    call_id: UUID,
    moving_uid: str = "",
) -> list[Span]:
    """Return the spans in which every place of the resource is taken.

    Expired holds don't count, nor do the holds of this very call and the
    appointment that is to be moved.
    """
    rows = Occupancy.objects.filter(
        resource=resource.id, during__overlap=(begin, end)
    ).exclude(lanes__fully_lt=(0, None))  # rehearsals
    rows = rows.exclude(purpose=Occupancy.Purpose.HOLD, offer__call=call_id)
    if moving_uid:
        rows = rows.exclude(appointment__calcom_uid=moving_uid)
    now = timezone.now()
    spans = [
        (during.lower, during.upper)
        for during, expires_at in rows.values_list("during", "expires_at")
        if expires_at is None or expires_at > now
    ]
    return spans if resource.places == 1 else _full(spans, resource.places)


def _full(spans: Sequence[Span], places: int) -> list[Span]:
    """Return the parts of time in which as many spans as places run."""
    edges = sorted({edge for one in spans for edge in one})
    return [
        (begin, end)
        for begin, end in pairwise(edges)
        if sum(a <= begin and end <= b for a, b in spans) >= places
    ]


def is_free(wanted: Span, taken: Iterable[Span]) -> bool:
    """Tell whether a span overlaps none of the others."""
    return not any(begin < wanted[1] and wanted[0] < end for begin, end in taken)


def claim(claims: Sequence[Claim], *, rehearsal: bool = False) -> list[Claim]:
    """Take the time of each claim that is still free; return those that got it.

    Runs in the caller's transaction, which has locked the resources: with it the
    rows stay or go.
    """
    _drop_expired({one.resource.id for one in claims})
    waiting = sorted(claims, key=lambda one: (one.resource.id, one.span[0]))
    got: list[Claim] = []
    lane = 0
    while waiting:
        tried = []
        for one in waiting:
            lanes = one.resource.lanes(rehearsal=rehearsal)
            if lane < len(lanes):
                tried.append((one, lanes[lane]))
        if not tried:
            break
        taken = _insert(tried)
        got += taken
        waiting = [one for one, _ in tried if one not in taken]
        lane += 1
    return [one for one in claims if one in got]


def _insert(tried: Sequence[tuple[Claim, str]]) -> list[Claim]:
    """Insert all at once, in this order; return those that met nobody."""
    claims: dict[UUID, Claim] = {}
    values: list[Any] = []
    for one, lanes in tried:
        owner = one.appointment or one.offer
        if owner is None:
            raise ValueError("a claim needs an offer or an appointment")
        row_id = uuid7()
        claims[row_id] = one
        values += [
            row_id,
            owner.company_id,
            one.resource.id,
            lanes,
            *one.span,
            one.purpose,
            one.offer.pk if one.offer else None,
            one.appointment.pk if one.appointment else None,
            one.expires_at,
        ]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT + ", ".join([_ROW] * len(tried)) + _UNLESS_TAKEN, values)
        return [claims[found] for (found,) in cursor.fetchall()]


def _drop_expired(resources: set[UUID]) -> None:
    expired = (
        Occupancy.objects.filter(resource__in=resources, expires_at__lte=timezone.now())
        .order_by("id")
        .select_for_update(skip_locked=True)
        .values_list("id", flat=True)
    )
    ids = list(expired)
    if ids:
        Occupancy.objects.filter(id__in=ids).delete()


def lock_call(call_id: UUID | None) -> None:
    """Let nobody else touch what this call holds until the transaction ends."""
    if call_id is not None:
        calls = Call.objects.select_for_update(no_key=True)
        calls.filter(pk=call_id).values_list("pk").first()


def lock_resources(resources: Iterable[UUID], *, call_id: UUID | None) -> None:
    """Let nobody else take time of these until the transaction ends.

    Run after :func:`lock_call`; what the call holds elsewhere is locked, too.
    """
    held = Occupancy.objects.filter(offer__call=call_id, purpose=Occupancy.Purpose.HOLD)
    mine = held.values_list("resource", flat=True) if call_id is not None else ()
    wanted = {*resources, *mine}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(resource)) FROM"
            " unnest(%s::text[]) AS resource",
            [_LOCKS, sorted(map(str, wanted))],
        )


def accept(offer: Offer, appointment: Appointment) -> bool:
    """Turn the hold of an offer into the appointment's; False where it is gone."""
    held = Occupancy.objects.filter(offer=offer, purpose=Occupancy.Purpose.HOLD)
    return (
        held.update(
            purpose=Occupancy.Purpose.BOOKING,
            appointment=appointment,
            offer=None,
            expires_at=None,
        )
        == 1
    )


def release_holds(call_id: UUID) -> None:
    """Let go of everything that is held for a call but not accepted."""
    with transaction.atomic():
        lock_call(call_id)
        drop_holds(call_id)


def drop_holds(call_id: UUID) -> None:
    """Do the same in a transaction that has locked the call, and what it takes."""
    Occupancy.objects.filter(
        offer__call=call_id, purpose=Occupancy.Purpose.HOLD
    ).delete()


def release(appointment: Appointment) -> None:
    """Let go of an appointment's time."""
    Occupancy.objects.filter(appointment=appointment).delete()


def claim_move(appointment: Appointment, resource: Resource, wanted: Span) -> bool:
    """Take a second time for an appointment, whose old time stays; False if taken.

    A new time that overlaps the old one on the same resource widens the old row.
    """
    widened = _widen(appointment, resource, wanted)
    if widened is not None:
        return widened
    return bool(
        claim(
            [
                Claim(
                    resource,
                    wanted,
                    Occupancy.Purpose.MOVE,
                    appointment=appointment,
                )
            ],
            rehearsal=appointment.is_rehearsal,
        )
    )


def _widen(appointment: Appointment, resource: Resource, wanted: Span) -> bool | None:
    own = Occupancy.objects.filter(
        appointment=appointment, resource=resource.id, during__overlap=wanted
    ).first()
    if own is None:
        return None
    _drop_expired({resource.id})
    union = (min(own.during.lower, wanted[0]), max(own.during.upper, wanted[1]))
    try:
        with transaction.atomic():
            Occupancy.objects.filter(pk=own.pk).update(during=union)
    except IntegrityError:
        return False
    return True


def settle(appointment: Appointment, kept: Span) -> None:
    """Keep one time of an appointment, wherever it has others.

    What is only held for a caller gives way: in the calendar it is taken already.

    :raises IntegrityError: another appointment is there.
    """
    rows = list(Occupancy.objects.filter(appointment=appointment))
    if not rows:
        return
    keeper = max(rows, key=lambda row: _nearness(row, kept))
    Occupancy.objects.filter(appointment=appointment).exclude(pk=keeper.pk).delete()
    if not _holds(keeper, kept):
        Occupancy.objects.filter(
            resource=keeper.resource,
            purpose=Occupancy.Purpose.HOLD,
            during__overlap=kept,
        ).delete()
    Occupancy.objects.filter(pk=keeper.pk).update(
        during=kept, purpose=Occupancy.Purpose.BOOKING, expires_at=None
    )


def _nearness(row: Occupancy, kept: Span) -> tuple[bool, bool, bool]:
    is_exact = (row.during.lower, row.during.upper) == kept
    return is_exact, _holds(row, kept), row.purpose == Occupancy.Purpose.BOOKING


def _holds(row: Occupancy, kept: Span) -> bool:
    return bool(row.during.lower <= kept[0] and kept[1] <= row.during.upper)


def undo_move(appointment: Appointment, old: Span) -> None:
    """Let go of the time that an appointment was to move to; the old one stays."""
    mine = Occupancy.objects.filter(appointment=appointment)
    mine.filter(purpose=Occupancy.Purpose.MOVE).delete()
    mine.filter(during__contains=old).update(during=old)
