"""Everything that happened in a call, by time: rows joined by the correlation id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from bookings.models import (
    Appointment,
    AppointmentChange,
    Call,
    Callback,
    Notification,
    Offer,
)
from integrations.models import ProviderRequest, ToolCall
from webhooks.models import WebhookLog


@dataclass(frozen=True)
class Step:
    """One thing that happened."""

    at: datetime
    kind: str  # event, tool, provider, offer, appointment, callback, notification
    name: str
    outcome: str
    duration_ms: int | None = None


def timeline(call: Call) -> list[Step]:
    """Return the steps of a call; run inside its company's scope."""
    steps = [*_offers(call), *_callbacks(call), *_joined(call.correlation_id)]
    # A question without a call object carries an id of its own.
    asked = ToolCall.objects.filter(call_row_id=call.pk)
    steps += _tools(asked.exclude(correlation_id=call.correlation_id))
    return sorted(steps, key=lambda step: step.at)


def story(correlation_id: str) -> list[Step]:
    """Return everything that an id joins; run inside a company's scope.

    An id that joins nothing of this company has no steps, whoever else has it.
    """
    call = Call.objects.filter(correlation_id=correlation_id).first()
    if call is not None:
        return timeline(call)
    return sorted(_joined(correlation_id), key=lambda step: step.at)


def correlation_ids(name: str) -> list[str]:
    """Return the ids of the stories that a name is about; run inside a scope.

    :param name: a correlation id, Retell's call id, a booking's uid, or the id of a
        call, an appointment or a delivery.
    """
    try:
        pk = UUID(name)
    except ValueError:
        pk = None
    of_booking = Q(calcom_uid=name) | Q(earlier_uids__contains=[name]) | Q(pk=pk)
    sources = (
        Call.objects.filter(Q(correlation_id=name) | Q(call_id=name) | Q(pk=pk)),
        WebhookLog.objects.filter(Q(correlation_id=name) | Q(pk=pk)),
        ToolCall.objects.filter(correlation_id=name),
        ProviderRequest.objects.filter(correlation_id=name),
        AppointmentChange.objects.filter(
            Q(correlation_id=name)
            | Q(appointment__in=Appointment.objects.filter(of_booking))
        ),
    )
    found = [
        one
        for source in sources
        for one in source.order_by().values_list("correlation_id", flat=True).distinct()
    ]
    return sorted({one for one in found if one})


def _joined(correlation_id: str) -> Iterator[Step]:
    yield from _tools(ToolCall.objects.filter(correlation_id=correlation_id))
    for source in (_events, _requests, _changes, _messages):
        yield from source(correlation_id)


def as_json(steps: list[Step]) -> list[dict[str, Any]]:
    """Return the steps with their distance from the first one, in milliseconds."""
    found = []
    for step in steps:
        fields = asdict(step)
        passed = fields.pop("at") - steps[0].at
        found.append({"at_ms": int(passed.total_seconds() * 1000), **fields})
    return found


def _events(correlation_id: str) -> Iterator[Step]:
    for log in WebhookLog.objects.filter(correlation_id=correlation_id):
        took = log.finished_at - log.received_at if log.finished_at else None
        yield Step(
            log.received_at,
            "event",
            f"{log.provider} {log.event}",
            log.state,
            int(took.total_seconds() * 1000) if took is not None else None,
        )


def _tools(calls: QuerySet[ToolCall]) -> Iterator[Step]:
    for asked in calls:
        yield Step(asked.at, "tool", asked.tool, asked.code, asked.duration_ms)


def _requests(correlation_id: str) -> Iterator[Step]:
    for request in ProviderRequest.objects.filter(correlation_id=correlation_id):
        yield Step(
            request.at,
            "provider",
            f"{request.provider} {request.method} {request.path.split('?')[0]}",
            str(request.status or request.outcome),
            request.duration_ms,
        )


def _offers(call: Call) -> Iterator[Step]:
    for offer in Offer.objects.filter(call=call):
        outcome = "accepted" if offer.accepted_at else "offered"
        yield Step(offer.offered_at, "offer", offer.short_id, outcome)


def _changes(correlation_id: str) -> Iterator[Step]:
    for change in AppointmentChange.objects.filter(correlation_id=correlation_id):
        outcome = change.why or change.after.get("state", "")
        yield Step(change.at, "appointment", change.what, outcome)


def _callbacks(call: Call) -> Iterator[Step]:
    for callback in Callback.objects.filter(call=call):
        yield Step(callback.created_at, "callback", callback.kind, callback.state)


def _messages(correlation_id: str) -> Iterator[Step]:
    changed = AppointmentChange.objects.filter(correlation_id=correlation_id)
    messages = Notification.objects.filter(
        appointment__in=changed.values("appointment"),
        kind__in=[_KINDS.get(change.what, "") for change in changed],
    )
    for message in messages:
        at = message.sent_at or message.due_at
        yield Step(at, "notification", message.kind, message.state)


_KINDS = {"book": "booked", "move": "moved", "cancel": "cancelled"}
