"""Ways into another company through what workers do about appointments."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange
from django.utils.translation import gettext_noop

from bookings import calls, tasks
from bookings.models import Call
from tenants import resolver
from tenants.isolation import ways
from tenants.isolation.probes import Probes, Values, special
from tenants.isolation.rows import unchanged
from tenants.isolation.ways import Attempt, way

_AT = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)

ways.EXEMPT["task:bookings.sweep"] = "looks at every company, and at no probe"


@way(
    gettext_noop("tasks about appointments"),
    "task:bookings.attempt",
    "task:bookings.notify",
)
def by_task(probes: Probes) -> Iterator[Attempt]:
    """Yield tasks of my company about the other's rows."""
    appointment = probes.theirs.rows["bookings.Appointment"]
    message = probes.theirs.rows["bookings.Notification"]
    mine = str(probes.mine.id)

    def finds_nothing(run: Callable[[], object]) -> Callable[[], bool]:
        def attempt() -> bool:
            try:
                run()
            except ObjectDoesNotExist:
                return True
            return True

        return lambda: unchanged(probes.theirs, attempt)

    yield (
        "attempt",
        finds_nothing(
            lambda: tasks.attempt(company_id=mine, appointment_id=str(appointment.pk))
        ),
    )
    yield (
        "notify",
        finds_nothing(
            lambda: tasks.notify(company_id=mine, notification_id=str(message.pk))
        ),
    )


@way(gettext_noop("calls and dialled numbers"), "resolver:*")
def by_number(probes: Probes) -> Iterator[Attempt]:
    """Yield the other's number and call id, told by who has my account's key."""
    number = probes.theirs.rows["tenants.PhoneNumber"].number  # type: ignore[attr-defined]
    account = probes.mine.rows["tenants.ProviderAccount"]
    call = probes.theirs.rows["bookings.Call"]
    assert isinstance(call, Call)
    yield (
        "the other's dialled number",
        lambda: (
            resolver.owner_of_number(number) is not None
            and resolver.owner_of_number(number, within=probes.mine.id) is None
        ),
    )
    yield (
        "the other's call id",
        lambda: calls.owner_of_call(account.pk, call.call_id or "") is None,
    )


@special("bookings.Call")
def _call(company_id: UUID, letter: int) -> Values:
    return {"call_id": f"call_of_probe_{letter}", "expects_at": None}


@special("bookings.Appointment")
def _appointment(company_id: UUID, letter: int) -> Values:
    return {"state": "cancelled", "ends_at": _AT + timedelta(minutes=30)}


@special("bookings.Callback")
def _callback(company_id: UUID, letter: int) -> Values:
    return {"state": "done"}


@special("bookings.Notification")
def _notification(company_id: UUID, letter: int) -> Values:
    return {"state": "sent"}


@special("bookings.Occupancy")
def _occupancy(company_id: UUID, letter: int) -> Values:
    return {
        "resource": company_id,
        "lanes": NumericRange(None, 0),  # a rehearsal's
        "during": DateTimeTZRange(_AT, _AT + timedelta(minutes=30)),
    }
