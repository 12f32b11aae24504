"""One telephone call, one row, whatever arrives first, twice or late."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from bookings import occupancy
from bookings.models import Call
from tenants.models import Branch
from tenants.resolver import Owner
from tenants.scoping import every_company


def _fuller(one: Any, other: Any) -> Any:
    """Return the value that says more; of equals, always the same."""
    return max(one, other, key=lambda value: (len(str(value)), str(value)))


#: How two known values of a field become one. None of them asks which came first:
#: every order of messages, and every repetition, ends in the same row.
_JOINS: dict[str, Callable[[Any, Any], Any]] = {
    "direction": max,  # "outbound" is told, "inbound" also taken for granted
    "from_number": _fuller,
    "to_number": _fuller,
    "agent_id": _fuller,
    "started_at": min,
    "ended_at": max,
    "disconnection_reason": _fuller,
    "summary": _fuller,
    # What was said only grows: the longest is the latest, whenever it comes.
    "transcript": _fuller,
    "opinion": lambda one, other: {
        key: _fuller(one[key], other[key])
        if key in one and key in other
        else {**one, **other}[key]
        for key in sorted({**one, **other})
    },
}

#: How long after a status the next event is missing; what is not here waits for none.
EXPECTED_WITHIN = {
    Call.Status.RINGING: timedelta(minutes=5),
    Call.Status.STARTED: timedelta(minutes=15),
    Call.Status.ENDED: timedelta(minutes=10),
}


@dataclass(frozen=True)
class CallFacts:
    """What one message says about a call; empty values say nothing."""

    correlation_id: str
    account_id: UUID | None = None
    call_id: str = ""
    status: str = Call.Status.RINGING
    direction: str = "inbound"
    from_number: str = ""  # E.164, or empty where it is withheld
    to_number: str = ""
    agent_id: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    disconnection_reason: str = ""
    summary: str = ""
    transcript: str = ""
    opinion: dict[str, Any] = field(default_factory=dict)
    is_rehearsal: bool = False


@dataclass(frozen=True)
class Caller:
    """Who is on the line: a branch's caller, known by what was signed alone."""

    branch: Branch
    call: Call
    phone: str | None  # E.164; None where the number is withheld
    #: Told by a client, signed by nobody: good to call back, proof of nothing.
    said_phone: str | None = None
    deadline: float = field(default_factory=lambda: time.monotonic() + 1.8)
    now: datetime = field(default_factory=timezone.now)

    @property
    def left_s(self) -> float:
        """Seconds until the answer must be given; never negative."""
        return max(0.0, self.deadline - time.monotonic())

    @property
    def kept_call(self) -> Call | None:
        """The call's row; None for a question of nobody's call, which has none."""
        return None if self.call._state.adding else self.call


def merge(branch: Branch, facts: CallFacts) -> Call:
    """Return the call's row with these facts merged in; run inside its scope.

    Facts only add: a status rises, a known value is never emptied, so that every
    order of messages ends in the same row.
    """
    with transaction.atomic():
        call = _found(facts) or _made(branch, facts)
        _raise(call, facts)
    return call


def _found(facts: CallFacts) -> Call | None:
    calls = Call.objects.select_for_update()
    if facts.call_id:
        call = calls.filter(account=facts.account_id, call_id=facts.call_id).first()
        if call is not None:
            return call
        # The first ring came before the call had an id.
        calls = calls.filter(call_id__isnull=True)
    return calls.filter(correlation_id=facts.correlation_id).first()


def _made(branch: Branch, facts: CallFacts) -> Call:
    """Insert the call under the first id that no other call has.

    The same metadata at another call, or the same call at another account of the
    company, is another call: then its own id joins its records.
    """
    own = f"{facts.call_id}.{facts.account_id}"[:120]
    for correlation_id in (facts.correlation_id, facts.call_id):
        with suppress(IntegrityError):
            return _inserted(branch, facts, correlation_id)
        # Another message of the same call was quicker by a moment.
        found = _found(facts)
        if found is not None:
            return found
    return _inserted(branch, facts, own)


def _inserted(branch: Branch, facts: CallFacts, correlation_id: str) -> Call:
    with transaction.atomic():
        return Call.objects.create(
            company_id=branch.company_id,
            branch=branch,
            account_id=facts.account_id,
            call_id=facts.call_id or None,
            correlation_id=correlation_id,
            direction=facts.direction,
            is_rehearsal=facts.is_rehearsal,
        )


def _raise(call: Call, facts: CallFacts) -> None:
    changed = []
    if facts.call_id and not call.call_id:
        call.call_id = facts.call_id
        changed.append("call_id")
    if facts.account_id and not call.account_id:
        call.account_id = facts.account_id
        changed.append("account")
    if Call.RANKS.index(facts.status) > Call.RANKS.index(call.status):
        call.status = facts.status
        changed.append("status")
    if call.expects_at is None or "status" in changed:
        call.expects_at = _expected_at(call)
        changed.append("expects_at")
    for name, join in _JOINS.items():
        known, told = getattr(call, name), getattr(facts, name)
        joined = join(known, told) if known and told else known or told
        if joined != known:
            setattr(call, name, joined)
            changed.append(name)
    if changed:
        call.save(update_fields=changed)


def _expected_at(call: Call) -> datetime | None:
    within = EXPECTED_WITHIN.get(Call.Status(call.status))
    return timezone.now() + within if within and call.account_id else None


def close_as_lost(call_ids: Sequence[UUID]) -> int:
    """Close calls whose end nobody told, and let go of what they hold.

    Run inside their scope. Nothing is claimed about how they ended; an event that
    comes later corrects it.
    """
    open_calls = Call.objects.filter(
        pk__in=call_ids, status__in=[Call.Status.RINGING, Call.Status.STARTED]
    )
    closed = open_calls.update(status=Call.Status.LOST, expects_at=None)
    for call_id in call_ids:
        occupancy.release_holds(call_id)
    return closed


def statuses(account_id: UUID, call_ids: Sequence[str]) -> dict[str, str]:
    """Return how far the calls of an account are that we know, by Retell's id."""
    with every_company():
        known = Call.objects.filter(account=account_id, call_id__in=call_ids)
        return {
            str(call.call_id): call.status for call in known.only("call_id", "status")
        }


def owner_of_open_call(account_id: UUID, call_id: str) -> Owner | None:
    """Return whose call this exact id is, if it is still going on.

    For questions without a call object: their id was written by a language model,
    so only one that equals a stored, open call of this account counts.
    """
    return owner_of_call(account_id, call_id, Call.Status.RINGING, Call.Status.STARTED)


def owner_of_call(account_id: UUID, call_id: str, *statuses: str) -> Owner | None:
    """Return whose stored call of this account this exact id is.

    :param statuses: only calls in one of these; in any, if none is named.
    """
    if not call_id:
        return None
    with every_company():
        found = (
            Call.objects.filter(
                account=account_id,
                call_id=call_id,
                status__in=statuses or Call.Status.values,
            )
            .values_list("company_id", "branch_id")
            .first()
        )
    return Owner(*found) if found else None


def of_company(call_id: str) -> list[Call]:
    """Return the stored calls of this exact id; run inside the company's scope.

    Two of its accounts may have given the same id: then nobody knows which is meant.
    """
    return list(Call.objects.filter(call_id=call_id).order_by("id")[:2])


def open_call(account_id: UUID, call_id: str) -> Call:
    """Return a stored call of an account; run inside its scope."""
    return Call.objects.get(account=account_id, call_id=call_id)


def with_correlation(facts: CallFacts, correlation_id: str) -> CallFacts:
    """Return the facts with the id that the door gave, where they carry none."""
    if facts.correlation_id or not correlation_id:
        return facts
    return replace(facts, correlation_id=correlation_id)
