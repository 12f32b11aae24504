"""Nudges: a scope and one call each. The row says what is due; the sweep repeats."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from bookings import confirmations, fulfilment
from bookings.models import Appointment, Notification, Occupancy
from tenants.nudger import nudge
from tenants.scoping import every_company, scope

SWEEP_LOCK = 7_305_001
BATCH = 200

#: Rows that are due for less than this are left to their own nudge.
GRACE = timedelta(seconds=1)


def attempt_soon(appointment: Appointment) -> None:
    """Have a worker settle what is under way."""
    nudge(
        "bookings.attempt",
        company_id=str(appointment.company_id),
        appointment_id=str(appointment.pk),
    )


@shared_task(name="bookings.attempt")
def attempt(*, company_id: str, appointment_id: str, **_newer: Any) -> None:
    """Settle what is under way for an appointment."""
    with scope(company_id):
        fulfilment.attempt(UUID(appointment_id))


@shared_task(name="bookings.notify")
def notify(*, company_id: str, notification_id: str, **_newer: Any) -> None:
    """Send a notification."""
    with scope(company_id):
        confirmations.send(UUID(notification_id))


@shared_task(name="bookings.sweep")
def sweep(**_newer: Any) -> None:
    """Nudge what is due and was not nudged; let go of holds that have run out."""
    with every_company(), transaction.atomic():
        if not _is_only_sweep():
            return
        due = Q(next_try_at__lte=Now() - GRACE) & (
            Q(leased_until__isnull=True) | Q(leased_until__lte=Now())
        )
        appointments = list(
            Appointment.objects.filter(due, intent__isnull=False)
            .order_by("next_try_at")
            .only("id", "company_id")[:BATCH]
        )
        notifications = list(
            Notification.objects.filter(due, state__in=["due", "sending"])
            .order_by("next_try_at")
            .only("id", "company_id")[:BATCH]
        )
        _drop_expired_holds()
    for appointment in appointments:
        attempt_soon(appointment)
    for notification in notifications:
        nudge(
            "bookings.notify",
            company_id=str(notification.company_id),
            notification_id=str(notification.pk),
        )


def _is_only_sweep() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SWEEP_LOCK])
        return bool(cursor.fetchone()[0])


def _drop_expired_holds() -> None:
    expired = (
        Occupancy.objects.filter(expires_at__lte=Now())
        .order_by("id")
        .select_for_update(skip_locked=True)
        .values_list("id", flat=True)[:BATCH]
    )
    Occupancy.objects.filter(id__in=list(expired)).delete()
