"""Everything that happened in a call, by time: rows joined by the correlation id."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from bookings.models import AppointmentChange, Call, Callback, Notification, Offer
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
    sources = (_events, _tools, _requests, _offers, _changes, _callbacks, _messages)
    steps = [step for source in sources for step in source(call)]
    return sorted(steps, key=lambda step: step.at)


def as_json(steps: list[Step]) -> list[dict[str, Any]]:
    """Return the steps with their distance from the first one, in milliseconds."""
    found = []
    for step in steps:
        fields = asdict(step)
        passed = fields.pop("at") - steps[0].at
        found.append({"at_ms": int(passed.total_seconds() * 1000), **fields})
    return found


def _events(call: Call) -> Iterator[Step]:
    for log in WebhookLog.objects.filter(correlation_id=call.correlation_id):
        took = log.finished_at - log.received_at if log.finished_at else None
        yield Step(
            log.received_at,
            "event",
            f"{log.provider} {log.event}",
            log.state,
            int(took.total_seconds() * 1000) if took is not None else None,
        )


def _tools(call: Call) -> Iterator[Step]:
    for asked in ToolCall.objects.filter(call_row_id=call.pk):
        yield Step(asked.at, "tool", asked.tool, asked.code, asked.duration_ms)


def _requests(call: Call) -> Iterator[Step]:
    sent = ProviderRequest.objects.filter(correlation_id=call.correlation_id)
    for request in sent:
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


def _changes(call: Call) -> Iterator[Step]:
    changes = AppointmentChange.objects.filter(correlation_id=call.correlation_id)
    for change in changes:
        outcome = change.why or change.after.get("state", "")
        yield Step(change.at, "appointment", change.what, outcome)


def _callbacks(call: Call) -> Iterator[Step]:
    for callback in Callback.objects.filter(call=call):
        yield Step(callback.created_at, "callback", callback.kind, callback.state)


def _messages(call: Call) -> Iterator[Step]:
    changed = AppointmentChange.objects.filter(call=call)
    messages = Notification.objects.filter(
        appointment__in=changed.values("appointment"),
        kind__in=[_KINDS.get(change.what, "") for change in changed],
    )
    for message in messages:
        at = message.sent_at or message.due_at
        yield Step(at, "notification", message.kind, message.state)


_KINDS = {"book": "booked", "move": "moved", "cancel": "cancelled"}
