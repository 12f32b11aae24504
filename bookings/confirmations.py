"""What a customer gets in writing: an e-mail with a calendar file, sent from a row."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from icalendar import Calendar, Event

from bookings.language import phrases
from bookings.models import Appointment, Notification
from tenants.nudger import nudge

logger = logging.getLogger(__name__)

TRIES = 3
LEASE_S = 60
Kind = Notification.Kind
State = Notification.State


def queue(appointment: Appointment, kind: str) -> bool:
    """Write down that a confirmation is due; False where there is no address.

    Runs in the transaction of the change that it confirms. Rehearsals mail nobody.
    """
    email = appointment.customer.email
    if not email or appointment.is_rehearsal:
        return False
    now = timezone.now()
    notification, is_new = Notification.objects.get_or_create(
        company_id=appointment.company_id,
        appointment=appointment,
        kind=kind,
        revision=appointment.revision,
        defaults={"recipient": email, "due_at": now, "next_try_at": now},
    )
    if is_new:
        nudge_soon(notification)
    return True


def nudge_soon(notification: Notification) -> None:
    """Have a worker send it once the transaction is through."""
    transaction.on_commit(
        lambda: nudge(
            "bookings.notify",
            company_id=str(notification.company_id),
            notification_id=str(notification.pk),
        ),
        robust=True,
    )


def send(notification_id: UUID) -> bool:
    """Send a due notification; False where it isn't due.

    A failed try is repeated twice, later each time; then staff see it as failed.
    """
    due = Notification.objects.filter(
        Q(leased_until__isnull=True) | Q(leased_until__lte=Now()),
        pk=notification_id,
        state__in=[State.DUE, State.SENDING],
        next_try_at__lte=Now(),
    )
    if not due.update(
        state=State.SENDING,
        attempts=F("attempts") + 1,
        leased_until=Now() + timedelta(seconds=LEASE_S),
    ):
        return False
    notification = Notification.objects.select_related(
        "appointment__branch__company", "appointment__service", "appointment__customer"
    ).get(pk=notification_id)
    if notification.revision != notification.appointment.revision:
        # It has moved or gone meanwhile, and that is told by a message of its own.
        _settle(notification, state=State.SKIPPED)
        return True
    try:
        _message(notification).send()
    except OSError as error:
        _failed(notification, type(error).__name__)
    except Exception as error:
        # Not the mail server's fault: it must not be tried for ever.
        _failed(notification, type(error).__name__)
        raise
    else:
        _settle(notification, state=State.SENT, sent_at=timezone.now())
    return True


def _failed(notification: Notification, error: str) -> None:
    logger.warning("a confirmation was not sent", extra={"error": error})
    if notification.attempts >= TRIES:
        _settle(notification, state=State.DEAD, last_error=error)
        return
    pause = 30 * 4 ** (notification.attempts - 1) * random.uniform(0.8, 1.2)  # noqa: S311
    _settle(
        notification,
        state=State.DUE,
        last_error=error,
        next_try_at=timezone.now() + timedelta(seconds=pause),
    )


def _settle(notification: Notification, **fields: object) -> None:
    Notification.objects.filter(
        pk=notification.pk, attempts=notification.attempts, state=State.SENDING
    ).update(leased_until=None, **fields)


def _message(notification: Notification) -> EmailMessage:
    appointment = notification.appointment
    branch = appointment.branch
    subject, text = phrases.confirmation(
        kind=notification.kind,
        company=branch.company.name,
        branch=branch.name,
        address=branch.address,
        service=appointment.service.name,
        starts_at=appointment.starts_at,
        zone=branch.zone,
        name=appointment.customer.name,
    )
    message = EmailMessage(subject=subject, body=text, to=[notification.recipient])
    method = "CANCEL" if notification.kind == Kind.CANCELLED else "REQUEST"
    message.attach(
        "termin.ics",
        calendar_file(appointment, method=method).decode(),
        f"text/calendar; method={method}",
    )
    return message


def calendar_file(appointment: Appointment, *, method: str) -> bytes:
    """Return the appointment as iCalendar: one UID for life, SEQUENCE rises."""
    branch = appointment.branch
    event = Event()
    event.add("uid", f"{appointment.key}@askpro")
    event.add("sequence", appointment.revision)
    event.add("dtstamp", datetime.now(UTC))
    event.add("dtstart", appointment.starts_at.astimezone(branch.zone))
    event.add("dtend", appointment.ends_at.astimezone(branch.zone))
    event.add("summary", f"{appointment.service.name}, {branch.company.name}")
    event.add("location", branch.address or branch.name)
    event.add("status", "CANCELLED" if method == "CANCEL" else "CONFIRMED")
    calendar = Calendar()
    calendar.add("prodid", "-//AskPro//DE")
    calendar.add("version", "2.0")
    calendar.add("method", method)
    calendar.add_component(event)
    calendar.add_missing_timezones()
    text: bytes = calendar.to_ical()
    return text
