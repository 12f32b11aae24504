"""The calendar as bookings needs it: a port that integrations fills.

A booking spans two systems, so every call that writes has three outcomes: it
returns (yes), it raises a refusal (no: nothing was written), or it raises
:class:`OutcomeUnknown` (sent, and nobody knows).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from askpro.errors import AskProError

if TYPE_CHECKING:
    from collections.abc import Callable


class SlotTaken(AskProError):
    """The calendar says that this time is not free."""


class CalendarRefused(AskProError):
    """The calendar refuses the request itself; a person must look.

    ``needs`` names the field that the calendar misses, where it told one.
    """

    needs_person = True

    def __init__(self, message: str = "", *, needs: str = "") -> None:
        super().__init__(message)
        self.needs = needs


class CalendarUnavailable(AskProError):
    """The calendar can't be asked: nothing was sent, or nothing was written."""

    retryable = True


class OutcomeUnknown(AskProError):
    """The request was sent and may have worked; look the key up before repeating."""

    retryable = True


class BookingNotFound(AskProError):
    """The calendar knows no booking of this uid."""


@dataclass(frozen=True)
class Slot:
    """A free time; both ends aware, in UTC."""

    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True)
class Attendee:
    """Whom the appointment is for. An absent part is an empty text."""

    name: str
    time_zone: str
    phone: str = ""  # E.164
    email: str = ""


@dataclass(frozen=True)
class CalendarBooking:
    """The calendar's own record of an appointment."""

    uid: str
    status: str  # accepted, pending, cancelled, rejected, or what comes next
    starts_at: datetime
    ends_at: datetime
    key: UUID | None = None  # ours, if the record carries it
    moved_to_uid: str = ""
    moved_from_uid: str = ""
    host_ids: tuple[int, ...] = ()
    attendee_emails: tuple[str, ...] = ()

    @property
    def is_live(self) -> bool:
        """Whether the appointment takes place as far as the calendar knows."""
        return self.status not in ("cancelled", "rejected")


@dataclass(frozen=True)
class BookingRequest:
    """What the calendar is asked to book."""

    key: UUID
    event_type_id: int
    starts_at: datetime
    duration_min: int
    attendee: Attendee
    notes: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


class BaseCalendar(ABC):
    """One company's calendar account, as seen from a branch.

    Every method takes ``timeout_s``, the limit of the whole exchange, and may
    raise :class:`CalendarUnavailable`.
    """

    @abstractmethod
    def free_slots(
        self,
        *,
        event_type_id: int,
        starts_at: datetime,
        ends_at: datetime,
        timeout_s: float,
        moving_uid: str = "",
    ) -> list[Slot]:
        """Return the free slots that begin in the interval, sorted.

        :param moving_uid: a booking whose own time counts as free.
        :raises CalendarRefused: unknown event type, bad key, changed shape.
        """

    @abstractmethod
    def book(self, request: BookingRequest, *, timeout_s: float) -> CalendarBooking:
        """Book.

        :raises SlotTaken: nothing was written.
        :raises CalendarRefused: nothing was written.
        :raises CalendarUnavailable: nothing was written; may be repeated.
        :raises OutcomeUnknown: find the key before repeating.
        """

    @abstractmethod
    def find(
        self, *, key: UUID, event_type_id: int, starts_at: datetime, timeout_s: float
    ) -> CalendarBooking | None:
        """Return the live booking made with ``key`` at that start, if there is one."""

    @abstractmethod
    def get(self, uid: str, *, timeout_s: float) -> CalendarBooking:
        """Return the booking of this uid as it is there now.

        :raises BookingNotFound: the calendar doesn't know it.
        """

    @abstractmethod
    def trail(self, uid: str, *, timeout_s: float) -> list[CalendarBooking]:
        """Return this booking and, in turn, those that it was moved to.

        :raises BookingNotFound: the calendar doesn't know the first one.
        """

    @abstractmethod
    def move(
        self, uid: str, *, starts_at: datetime, reason: str, timeout_s: float
    ) -> CalendarBooking:
        """Move; return the new record, whose uid is another one.

        :raises SlotTaken: the old booking stands.
        :raises CalendarRefused: the old booking stands, or is cancelled already.
        :raises OutcomeUnknown: get the old uid before repeating.
        """

    @abstractmethod
    def cancel(self, uid: str, *, reason: str, timeout_s: float) -> CalendarBooking:
        """Cancel; one that is cancelled already counts as done.

        :raises OutcomeUnknown: get the uid before repeating.
        """


@cache
def _backend() -> Callable[..., BaseCalendar]:
    return cast("Callable[..., BaseCalendar]", import_string(settings.CALENDAR_BACKEND))


def calendar_for(branch: object, *, rehearsal: bool = False) -> BaseCalendar:
    """Return the calendar in which this branch's appointments stand.

    :raises CalendarRefused: the branch's company has no calendar account.
    """
    return _backend()(branch, rehearsal=rehearsal)
