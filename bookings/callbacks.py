"""What a person must do. Stored before it is promised, one per call."""

from __future__ import annotations

from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from bookings.language import names
from bookings.models import Appointment, Call, Callback
from tenants.models import Branch

DUE_AFTER = timedelta(hours=2)


def store(
    branch: Branch,
    kind: str,
    *,
    call: Call | None = None,
    appointment: Appointment | None = None,
    name: str = "",
    phone: str | None = None,
    reason: str = "",
) -> Callback:
    """Return the open callback of this call, made or completed.

    Works with whatever is known: without a name, without a number. What is no name,
    and what an agent left unfilled, counts as unknown.
    """
    if call is not None and kind == Callback.Kind.REQUESTED:
        Call.objects.filter(pk=call.pk, outcome="").update(
            outcome=Call.Outcome.CALLBACK
        )
    name = "" if names.is_placeholder(name) else name
    reason = "" if "{{" in reason else reason
    existing = _open_of(call, appointment)
    if existing is not None:
        return _completed(existing, kind, appointment, name, phone, reason)
    try:
        with transaction.atomic():
            return Callback.objects.create(
                company_id=branch.company_id,
                branch=branch,
                kind=kind,
                call=call,
                appointment=appointment,
                name=name[:160],
                phone=(phone or "")[:32],
                reason=reason,
                due_at=timezone.now() + DUE_AFTER,
            )
    except IntegrityError:
        existing = _open_of(call, appointment)
        if existing is None:
            raise
        return _completed(existing, kind, appointment, name, phone, reason)


def is_requested(call: Call) -> bool:
    """Tell whether this call has asked for a callback that is still open."""
    return Callback.objects.filter(
        call=call, kind=Callback.Kind.REQUESTED, state=Callback.State.OPEN
    ).exists()


def _open_of(call: Call | None, appointment: Appointment | None) -> Callback | None:
    if call is None and appointment is None:
        return None
    mine = Q(call=call) if call else Q(call__isnull=True, appointment=appointment)
    return Callback.objects.filter(mine, state=Callback.State.OPEN).first()


def _completed(
    callback: Callback,
    kind: str,
    appointment: Appointment | None,
    name: str,
    phone: str | None,
    reason: str,
) -> Callback:
    callback.name = callback.name or name[:160]
    callback.phone = callback.phone or (phone or "")[:32]
    callback.appointment = callback.appointment or appointment
    if kind == Callback.Kind.REQUESTED:
        # It was promised now: telling an outcome does not close it any more.
        callback.kind = kind
    if reason and reason not in callback.reason:
        callback.reason = f"{callback.reason}\n{reason}".strip()
    callback.save(update_fields=["kind", "name", "phone", "appointment", "reason"])
    return callback


def close_of(appointment: Appointment) -> None:
    """Close what was open only because nobody had told the caller yet."""
    Callback.objects.filter(
        appointment=appointment,
        kind__in=[Callback.Kind.UNREACHED, Callback.Kind.DECLINED],
        state=Callback.State.OPEN,
    ).update(state=Callback.State.DONE, done_at=timezone.now())
