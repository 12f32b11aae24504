"""Cal.com's API v2: one endpoint, one method, a frozen dataclass back.

Versions are pinned: with another one, or none, the same path answers in another shape
or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import UUID

from bookings.calendars import Attendee, Slot
from integrations.breaker import Breaker
from integrations.calcom.answers import (
    KEY,
    Booking,
    BookingPage,
    EventType,
    Me,
    slots_of,
)
from integrations.errors import ProviderError
from integrations.http import Exchange, ProviderClient

BOOKINGS_VERSION = "2024-08-13"
SLOTS_VERSION = "2024-09-04"
EVENT_TYPES_VERSION = "2024-06-14"

LANGUAGE = "de"
PAGE = 100

Read = TypeVar("Read")


class CalcomClient(ProviderClient):
    """One Cal.com account, by its API key."""

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str,
        account_key: str,
        record: Callable[[Exchange], None],
        breaker: Breaker,
    ) -> None:
        super().__init__(
            base_url.rstrip("/").removesuffix("/v2"),
            headers={"Authorization": f"Bearer {api_key.strip()}"},
            account_key=account_key,
            provider="calcom",
            record=record,
            breaker=breaker,
        )

    def me(self, *, timeout_s: float) -> Me:
        """Tell whose key it is.

        Source: https://cal.com/docs/api-reference/v2/me/get-my-profile
        """
        body = self.call("GET", "/v2/me", timeout_s=timeout_s)
        return self._read(body, Me.from_json)

    def event_type(self, event_type_id: int, *, timeout_s: float) -> EventType:
        """Return an event type with its hidden fields.

        Source: https://cal.com/docs/api-reference/v2/event-types/get-an-event-type
        """
        body = self.call(
            "GET",
            f"/v2/event-types/{event_type_id}",
            timeout_s=timeout_s,
            headers=_version(EVENT_TYPES_VERSION),
        )
        return self._read(body, EventType.from_json)

    def event_types(self, *, timeout_s: float) -> list[EventType]:
        """Return the key owner's event types, without their hidden fields.

        Source: https://cal.com/docs/api-reference/v2/event-types/get-all-event-types
        """
        body = self.call(
            "GET",
            "/v2/event-types",
            timeout_s=timeout_s,
            headers=_version(EVENT_TYPES_VERSION),
        )
        return self._read(body, lambda data: [EventType.from_json(one) for one in data])

    def slots(
        self,
        *,
        event_type_id: int,
        starts_at: datetime,
        ends_at: datetime,
        timeout_s: float,
        moving_uid: str = "",
    ) -> list[Slot]:
        """Return the free slots that lie within the interval, sorted.

        Source: https://cal.com/docs/api-reference/v2/slots/get-available-slots
        """
        params: dict[str, str | int] = {
            "eventTypeId": event_type_id,
            "start": utc(starts_at),
            "end": utc(ends_at),
            "format": "range",
        }
        if moving_uid:
            params["bookingUidToReschedule"] = moving_uid
        body = self.call(
            "GET",
            "/v2/slots",
            timeout_s=timeout_s,
            params=params,
            headers=_version(SLOTS_VERSION),
        )
        return self._read(body, slots_of)

    def create_booking(
        self,
        *,
        event_type_id: int,
        starts_at: datetime,
        attendee: Attendee,
        key: UUID,
        timeout_s: float,
        metadata: Mapping[str, str] | None = None,
        responses: Mapping[str, str] | None = None,
    ) -> Booking:
        """Create a booking.

        :param metadata: texts up to 500 characters, sent beside our key.
        :param responses: answers to the event type's fields, by slug.
        :raises ProviderRejected: also where the slot has gone meanwhile.
        Source: https://cal.com/docs/api-reference/v2/bookings/create-a-booking
        """
        payload: dict[str, Any] = {
            "eventTypeId": event_type_id,
            "start": utc(starts_at),
            "attendee": _attendee(attendee),
            "metadata": {**(metadata or {}), KEY: str(key)},
        }
        if responses:
            payload["bookingFieldsResponses"] = dict(responses)
        body = self.call(
            "POST",
            "/v2/bookings",
            timeout_s=timeout_s,
            json=payload,
            headers=_version(BOOKINGS_VERSION),
        )
        return self._read(body, Booking.from_json)

    def get_booking(self, uid: str, *, timeout_s: float) -> Booking:
        """Return a booking.

        Source: https://cal.com/docs/api-reference/v2/bookings/get-a-booking
        """
        body = self.call(
            "GET",
            f"/v2/bookings/{quote(uid, safe='')}",
            timeout_s=timeout_s,
            headers=_version(BOOKINGS_VERSION),
        )
        return self._read(body, Booking.from_json)

    def list_bookings(
        self, filters: Mapping[str, str | int], *, timeout_s: float, skip: int = 0
    ) -> BookingPage:
        """Return one page of the bookings, newest first unless ``filters`` sort them.

        :param filters: Cal.com's own, for example ``afterUpdatedAt``.
        Source: https://cal.com/docs/api-reference/v2/bookings/get-all-bookings
        """
        body = self.call(
            "GET",
            "/v2/bookings",
            timeout_s=timeout_s,
            params={"sortCreated": "desc", "take": PAGE, "skip": skip, **filters},
            headers=_version(BOOKINGS_VERSION),
        )
        bookings = self._read(
            body, lambda data: tuple(Booking.from_json(one) for one in data)
        )
        pagination = body.get("pagination") or {}
        has_next = bool(pagination.get("hasNextPage")) or len(bookings) >= PAGE
        return BookingPage(bookings, may_have_more=bool(bookings) and has_next)

    def reschedule(
        self, uid: str, *, starts_at: datetime, reason: str, timeout_s: float
    ) -> Booking:
        """Move a booking; what comes back is a new one.

        Source: https://cal.com/docs/api-reference/v2/bookings/reschedule-a-booking
        """
        body = self.call(
            "POST",
            f"/v2/bookings/{quote(uid, safe='')}/reschedule",
            timeout_s=timeout_s,
            json={"start": utc(starts_at), "reschedulingReason": reason},
            headers=_version(BOOKINGS_VERSION),
        )
        return self._read(body, Booking.from_json)

    def cancel(self, uid: str, *, reason: str, timeout_s: float) -> Booking:
        """Cancel a booking; the owner's key may not do so without a reason.

        Source: https://cal.com/docs/api-reference/v2/bookings/cancel-a-booking
        """
        body = self.call(
            "POST",
            f"/v2/bookings/{quote(uid, safe='')}/cancel",
            timeout_s=timeout_s,
            json={"cancellationReason": reason},
            headers=_version(BOOKINGS_VERSION),
        )
        return self._read(body, Booking.from_json)

    def _read(self, body: Any, read: Callable[[Any], Read]) -> Read:
        """Read the envelope's data.

        :raises ProviderError: its shape is another one.
        """
        try:
            return read(body["data"])
        except (AttributeError, KeyError, IndexError, TypeError, ValueError):
            raise ProviderError(
                self.provider, text="the answer's shape is unknown"
            ) from None


def utc(at: datetime) -> str:
    """Return an aware instant as the API demands it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def _version(version: str) -> dict[str, str]:
    return {"cal-api-version": version}


def _attendee(attendee: Attendee) -> dict[str, str]:
    told = {
        "name": attendee.name,
        "timeZone": attendee.time_zone,
        "language": LANGUAGE,
        "phoneNumber": attendee.phone,
        "email": attendee.email,
    }
    return {name: value for name, value in told.items() if value}
