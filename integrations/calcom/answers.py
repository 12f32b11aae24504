"""Cal.com's objects, read as far as we need them and no stricter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bookings.calendars import Slot

KEY = "askpro_appointment"  # our key's name in a booking's metadata


@dataclass(frozen=True)
class Me:
    """Whose key it is."""

    id: int
    username: str
    email: str
    time_zone: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Me:
        """Read Cal.com's object."""
        return cls(
            id=int(data["id"]),
            username=_text(data.get("username")),
            email=_text(data.get("email")),
            time_zone=_text(data.get("timeZone")),
        )


@dataclass(frozen=True)
class BookingField:
    """Something that an event type asks of whoever books."""

    slug: str
    type: str
    is_required: bool
    is_hidden: bool


@dataclass(frozen=True)
class EventType:
    """What can be booked, and on which terms. The list leaves hidden fields out."""

    id: int
    title: str
    slug: str
    length_min: int
    lengths_min: tuple[int, ...]  # what may be chosen from; empty: a single length
    minimum_notice_min: int
    buffer_before_min: int
    buffer_after_min: int
    fields: tuple[BookingField, ...]
    host_ids: tuple[int, ...]
    needs_confirmation: bool
    has_seats: bool
    is_recurring: bool
    verifies_email: bool
    is_managed: bool
    price: float

    @property
    def required(self) -> frozenset[str]:
        """The slugs of the fields that a booking must carry."""
        return frozenset(field.slug for field in self.fields if field.is_required)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EventType:
        """Read Cal.com's object."""
        people = data.get("users") or data.get("hosts") or []
        ids = [one.get("id") or one.get("userId") for one in people]
        return cls(
            id=int(data["id"]),
            title=_text(data.get("title")),
            slug=_text(data.get("slug")),
            length_min=int(data["lengthInMinutes"]),
            lengths_min=tuple(map(int, data.get("lengthInMinutesOptions") or ())),
            minimum_notice_min=int(data.get("minimumBookingNotice") or 0),
            buffer_before_min=int(data.get("beforeEventBuffer") or 0),
            buffer_after_min=int(data.get("afterEventBuffer") or 0),
            fields=tuple(
                BookingField(
                    slug=_text(field.get("slug")),
                    type=_text(field.get("type")),
                    is_required=field.get("required") is True,
                    is_hidden=field.get("hidden") is True,
                )
                for field in data.get("bookingFields") or ()
            ),
            host_ids=tuple(one for one in ids if isinstance(one, int)),
            needs_confirmation=_is_on(data.get("confirmationPolicy")),
            has_seats=_is_on(data.get("seats")),
            is_recurring=bool(data.get("recurrence")),
            verifies_email=data.get("requiresBookerEmailVerification") is True,
            is_managed=_text(data.get("schedulingType")).lower() == "managed",
            price=float(data.get("price") or 0),
        )


@dataclass(frozen=True)
class Booking:
    """A booking as Cal.com has it."""

    uid: str
    status: str
    starts_at: datetime
    ends_at: datetime
    duration_min: int
    key: UUID | None
    rescheduled_to_uid: str
    rescheduled_from_uid: str
    host_ids: tuple[int, ...]
    attendee_emails: tuple[str, ...]
    updated_at: datetime | None

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | list[Any]) -> Booking:
        """Read Cal.com's object; a recurring booking is a list, its first counts."""
        one = data[0] if isinstance(data, list) else data
        starts_at, ends_at = instant(one["start"]), instant(one["end"])
        updated_at = one.get("updatedAt")
        return cls(
            uid=str(one["uid"]),
            status=str(one["status"]).lower(),
            starts_at=starts_at,
            ends_at=ends_at,
            duration_min=round((ends_at - starts_at).total_seconds() / 60),
            key=_key(one.get("metadata")),
            rescheduled_to_uid=_text(one.get("rescheduledToUid")),
            rescheduled_from_uid=_text(one.get("rescheduledFromUid")),
            host_ids=tuple(
                host["id"]
                for host in one.get("hosts") or ()
                # The id of a deleted user is the text "unknown".
                if isinstance(host.get("id"), int)
            ),
            attendee_emails=tuple(
                _text(attendee.get("email")) for attendee in one.get("attendees") or ()
            ),
            updated_at=instant(updated_at) if updated_at else None,
        )


@dataclass(frozen=True)
class BookingPage:
    """A part of a list. Cal.com counts wrongly; an empty page is the end."""

    bookings: tuple[Booking, ...]
    may_have_more: bool


def slots_of(data: Mapping[str, Any]) -> list[Slot]:
    """Read the map of days and their slots; return them sorted."""
    slots = [
        Slot(instant(one["start"]), instant(one["end"]))
        for day in data.values()
        for one in day
    ]
    return sorted(slots, key=lambda slot: slot.starts_at)


def instant(text: str) -> datetime:
    """Return an ISO text as UTC; a naive one is UTC already."""
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def _key(metadata: Any) -> UUID | None:
    """Return our key; anything else that stands there is not ours."""
    try:
        return UUID(metadata[KEY])
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _is_on(policy: Any) -> bool:
    """Tell whether a policy holds; one that doesn't says ``disabled`` or is absent."""
    return isinstance(policy, Mapping) and policy.get("disabled") is not True
