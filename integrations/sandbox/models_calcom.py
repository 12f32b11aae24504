"""What the sandbox's Cal.com remembers."""

from __future__ import annotations

import uuid

from django.db import models


class CalcomUser(models.Model):
    """A calendar's owner, who is the host of what is booked there."""

    username = models.CharField(max_length=100, unique=True)
    email = models.CharField(max_length=200)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=60, default="Europe/Berlin")
    locale = models.CharField(max_length=10, default="de")
    #: Who administers the team that this calendar belongs to.
    admin = models.ForeignKey("self", models.CASCADE, null=True)

    class Meta:
        db_table = "sandbox_calcom_user"

    def __str__(self) -> str:
        return self.username

    def is_reached_by(self, user: CalcomUser | None) -> bool:
        """Tell whether this calendar is the user's own or one of the team's."""
        return user is not None and user.pk in (self.pk, self.admin_id)


class CalcomApiKey(models.Model):
    """A key, and how often it was used in the running minute."""

    key = models.CharField(max_length=120, unique=True)
    #: Null counts those who come without a key.
    user = models.ForeignKey(CalcomUser, models.CASCADE, null=True)
    expires_at = models.DateTimeField(null=True)
    window_at = models.DateTimeField(null=True)
    hits = models.PositiveIntegerField(default=0)
    blocked_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "sandbox_calcom_api_key"

    def __str__(self) -> str:
        return f"key {self.pk}"


class CalcomSchedule(models.Model):
    """Working hours, local to the schedule's zone."""

    owner = models.ForeignKey(CalcomUser, models.CASCADE)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=60)
    availability = models.JSONField(default=list)
    overrides = models.JSONField(default=list)
    is_default = models.BooleanField(default=False)

    class Meta:
        db_table = "sandbox_calcom_schedule"

    def __str__(self) -> str:
        return self.name


class CalcomEventType(models.Model):
    """What can be booked; its members beyond the defaults stand in ``settings``."""

    owner = models.ForeignKey(CalcomUser, models.CASCADE)
    slug = models.CharField(max_length=100)
    title = models.CharField(max_length=200)
    length_min = models.PositiveIntegerField()
    settings = models.JSONField(default=dict)
    booking_fields = models.JSONField(default=list)

    class Meta:
        db_table = "sandbox_calcom_event_type"
        constraints = (
            models.UniqueConstraint(
                fields=("owner", "slug"), name="sandbox_calcom_event_type_once"
            ),
        )

    def __str__(self) -> str:
        return self.slug


class CalcomBooking(models.Model):
    """A booking; several attendees share one where the event type has seats."""

    class Status(models.TextChoices):
        ACCEPTED = "accepted", "accepted"
        PENDING = "pending", "pending"
        CANCELLED = "cancelled", "cancelled"
        REJECTED = "rejected", "rejected"

    uid = models.CharField(max_length=60, unique=True)
    event_type = models.ForeignKey(CalcomEventType, models.CASCADE)
    host = models.ForeignKey(CalcomUser, models.CASCADE)
    #: Of accepted ones: host, start and end; the core of Cal.com's own uniqueness.
    idempotency_key = models.CharField(max_length=120, unique=True, null=True)
    status = models.CharField(max_length=16, choices=Status)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    title = models.TextField()
    description = models.TextField(blank=True)
    location = models.TextField(blank=True)
    metadata = models.JSONField(default=dict)
    responses = models.JSONField(default=dict)
    cancellation_reason = models.TextField(blank=True)
    rejection_reason = models.TextField(blank=True)
    rescheduling_reason = models.TextField(blank=True)
    rescheduled_by = models.CharField(max_length=200, null=True)
    from_uid = models.CharField(max_length=60, blank=True)
    to_uid = models.CharField(max_length=60, blank=True)
    ical_uid = models.CharField(max_length=100)
    ical_sequence = models.PositiveIntegerField(default=0)
    is_host_absent = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "sandbox_calcom_booking"
        indexes = (
            models.Index(fields=("host", "status", "starts_at")),
            models.Index(fields=("event_type", "starts_at")),
        )

    def __str__(self) -> str:
        return self.uid


class CalcomAttendee(models.Model):
    """Somebody who comes."""

    booking = models.ForeignKey(CalcomBooking, models.CASCADE, related_name="attendees")
    name = models.CharField(max_length=300, blank=True)
    email = models.CharField(max_length=300)
    time_zone = models.CharField(max_length=60)
    language = models.CharField(max_length=10, default="en")
    phone = models.CharField(max_length=60, blank=True)
    is_absent = models.BooleanField(default=False)
    seat_uid = models.CharField(max_length=60, blank=True)
    seat_responses = models.JSONField(default=dict)
    seat_metadata = models.JSONField(default=dict)

    class Meta:
        db_table = "sandbox_calcom_attendee"

    def __str__(self) -> str:
        return f"attendee {self.pk}"


class CalcomReservation(models.Model):
    """A soft hold: it hides a slot, and booking never asks for it."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True)
    event_type = models.ForeignKey(CalcomEventType, models.CASCADE)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta:
        db_table = "sandbox_calcom_reservation"

    def __str__(self) -> str:
        return str(self.uid)


class CalcomSlotAnswer(models.Model):
    """The answer to a slots query, given again to the same one for two seconds."""

    query = models.TextField(unique=True)
    body = models.JSONField()
    made_at = models.DateTimeField()

    class Meta:
        db_table = "sandbox_calcom_slot_answer"

    def __str__(self) -> str:
        return self.query


class CalcomWebhook(models.Model):
    """A subscription."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    user = models.ForeignKey(CalcomUser, models.CASCADE)
    event_type = models.ForeignKey(CalcomEventType, models.CASCADE, null=True)
    subscriber_url = models.TextField()
    triggers = models.JSONField(default=list)
    is_active = models.BooleanField(default=True)
    payload_template = models.TextField(null=True)
    secret = models.CharField(max_length=200, null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "sandbox_calcom_webhook"

    def __str__(self) -> str:
        return str(self.pk)
