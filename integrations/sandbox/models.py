"""What the sandbox remembers, so that it survives a restart.

Nothing here belongs to a company: it is the state of two strangers.
"""

from __future__ import annotations

import uuid

from django.db import models

from integrations.sandbox.models_calcom import (
    CalcomApiKey,
    CalcomAttendee,
    CalcomBooking,
    CalcomEventType,
    CalcomReservation,
    CalcomSchedule,
    CalcomSlotAnswer,
    CalcomUser,
    CalcomWebhook,
)
from integrations.sandbox.models_retell import RetellRecord

__all__ = [
    "CalcomApiKey",
    "CalcomAttendee",
    "CalcomBooking",
    "CalcomEventType",
    "CalcomReservation",
    "CalcomSchedule",
    "CalcomSlotAnswer",
    "CalcomUser",
    "CalcomWebhook",
    "Delivery",
    "Fault",
    "Installation",
    "ReceivedRequest",
    "RetellRecord",
]


class Installation(models.Model):
    """One row: the keys made for this installation, and how the sandbox behaves."""

    class WebhookMode(models.TextChoices):
        NORMAL = "normal", "at once, inside the call"
        OFF = "off", "never"
        DOUBLE = "double", "twice"
        LATE = "late", "some seconds after the call"
        REORDERED = "reordered", "the later one first"

    calcom_api_key = models.CharField(max_length=80)
    calcom_webhook_secret = models.CharField(max_length=80)
    webhook_mode = models.CharField(
        max_length=16, choices=WebhookMode, default=WebhookMode.NORMAL
    )
    late_s = models.FloatField(default=2.0)
    #: How long a booking is thought about between looking and writing.
    thinking_s = models.FloatField(default=0.05)
    #: Requests a minute and key; null: counted, never refused.
    rate_limit = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return f"installation {self.pk}"


class Fault(models.Model):
    """One order to misbehave, taken by the requests that match its route."""

    class Kind(models.TextChoices):
        DELAY = "delay", "think before anything is done"
        DELAY_AFTER = "delay_after", "do it, then answer late"
        STATUS = "status", "answer this status, do nothing"
        STATUS_AFTER = "status_after", "do it, then answer this status"
        CUT_BEFORE = "cut_before", "hang up, do nothing"
        CUT_AFTER = "cut_after", "do it, then hang up"
        CUT_MIDWAY = "cut_midway", "do it, hang up in the middle of the answer"
        SHAPE = "shape", "do it, answer with this body instead"

    #: `POST /v2/bookings`, `* /v2/*`
    route = models.CharField(max_length=200)
    kind = models.CharField(max_length=16, choices=Kind)
    value = models.FloatField(default=0)
    body = models.JSONField(null=True)
    #: How many requests it still meets; null: all until it is cleared.
    times = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} at {self.route}"


class ReceivedRequest(models.Model):
    """The journal: what was asked and what was answered."""

    at = models.DateTimeField(auto_now_add=True)
    method = models.CharField(max_length=8)
    path = models.TextField()
    status = models.PositiveIntegerField(null=True)
    fault = models.CharField(max_length=16, blank=True)
    correlation_id = models.CharField(max_length=200, blank=True)
    duration_ms = models.PositiveIntegerField()

    class Meta:
        db_table = "sandbox_received_request"

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class Delivery(models.Model):
    """One webhook, as it was or will be sent."""

    class State(models.TextChoices):
        HELD = "held", "waits for the next one"
        SENT = "sent", "sent"
        FAILED = "failed", "nobody took it"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    at = models.DateTimeField(auto_now_add=True)
    trigger = models.CharField(max_length=60)
    booking_uid = models.CharField(max_length=60, blank=True)
    url = models.TextField()
    body = models.TextField()
    signature = models.CharField(max_length=80)
    state = models.CharField(max_length=8, choices=State)
    status = models.PositiveIntegerField(null=True)

    def __str__(self) -> str:
        return f"{self.trigger} {self.booking_uid}"
