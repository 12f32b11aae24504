"""The calendar that bookings needs, kept by Cal.com.

Cal.com's answers become one of three: yes, no, or nobody knows. What is not listed as
a "no" that we understand needs a person, or, after a write, a look.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn
from urllib.parse import urlsplit
from uuid import UUID

from django.db.models import F, Q

from askpro.errors import AskProError
from bookings.calendars import (
    BaseCalendar,
    BookingNotFound,
    BookingRequest,
    CalendarBooking,
    CalendarRefused,
    CalendarUnavailable,
    OutcomeUnknown,
    Slot,
    SlotTaken,
)
from integrations import clients
from integrations.calcom.answers import Booking
from integrations.calcom.client import CalcomClient, utc
from integrations.errors import ProviderError, ProviderRejected, ProviderUnavailable
from tenants import redis
from tenants.models import Branch, ProviderAccount

logger = logging.getLogger(__name__)

#: Cal.com shows a slot only if it also ends within the interval asked for.
LONGEST_VISIT = timedelta(days=1)
#: How often a booking may have been moved before we stop to follow it.
MOST_MOVES = 5
MOST_PAGES = 10
#: How long an event type that demands a title is remembered.
TITLE_S = 24 * 3600
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Refusal:
    """What a refusal of a write means, known by its status and words."""

    statuses: tuple[int, ...]
    words: str  # a regular expression; its group names the field that is missing
    is_taken: bool = False
    needs: str = ""


#: Everything that we understand; whatever is not here is a refusal for a person.
#: Statuses of 5xx here are answers of the booking core, which wrote nothing.
REFUSALS = (
    Refusal((400,), r"already has booking at this time", is_taken=True),
    Refusal((409,), r"booking_conflict_error", is_taken=True),
    Refusal((409,), r"No more seats left", is_taken=True),
    Refusal((409,), r"already_signed_up_for_this_booking", is_taken=True),
    Refusal(
        (500,),
        r"(?:round_robin_host|fixed_hosts)_unavailable_for_booking",
        is_taken=True,
    ),
    Refusal((400,), r"can't be booked at the \"start\" time", is_taken=True),
    Refusal((400,), r"book a meeting in the past", is_taken=True),
    # A limit of the day or week, not a bad key: another day is free.
    Refusal((401, 403), r"(?:booking|duration)_limit_reached", is_taken=True),
    Refusal((400,), r"at least one contact method", needs="email"),
    Refusal((400,), r"\{(\w+)\}\w"),
    Refusal((400,), r"Missing required booking field response: (\w+)"),
    Refusal((400,), r"Missing attendee phone number", needs="attendeePhoneNumber"),
    Refusal((400,), r"email_verification_required", needs="emailVerificationCode"),
)


class CalcomCalendar(BaseCalendar):
    """One company's account, through its client."""

    def __init__(self, client: CalcomClient, *, company_id: UUID) -> None:
        self._client = client
        self._company_id = company_id

    def free_slots(
        self,
        *,
        event_type_id: int,
        starts_at: datetime,
        ends_at: datetime,
        timeout_s: float,
        moving_uid: str = "",
    ) -> list[Slot]:
        try:
            slots = self._client.slots(
                event_type_id=event_type_id,
                starts_at=starts_at,
                ends_at=ends_at + LONGEST_VISIT,
                timeout_s=timeout_s,
                moving_uid=moving_uid,
            )
        except ProviderError as error:
            _fail_read(error)
        return [slot for slot in slots if starts_at <= slot.starts_at < ends_at]

    def book(self, request: BookingRequest, *, timeout_s: float) -> CalendarBooking:
        deadline = time.monotonic() + timeout_s
        needs_title = self._needs_title(request.event_type_id)
        try:
            booking = self._create(request, with_title=needs_title, deadline=deadline)
        except CalendarRefused as error:
            if error.needs != "title" or needs_title:
                raise
            # Nothing was written, and what it misses is something that we can give.
            self._remember_title(request.event_type_id)
            booking = self._create(request, with_title=True, deadline=deadline)
        if booking.key not in (None, request.key):
            # An equal request of the same attendee is answered with that one's booking.
            raise SlotTaken
        if booking.duration_min != request.duration_min:
            logger.error(
                "an event type books another length than its service has",
                extra={"event_type_id": request.event_type_id},
            )
        return _known(booking)

    def _create(
        self, request: BookingRequest, *, with_title: bool, deadline: float
    ) -> Booking:
        responses = {}
        if request.notes:
            responses["notes"] = request.notes
        if with_title:
            responses["title"] = request.attendee.name
        try:
            return self._client.create_booking(
                event_type_id=request.event_type_id,
                starts_at=request.starts_at,
                attendee=request.attendee,
                key=request.key,
                metadata=request.metadata,
                responses=responses,
                timeout_s=deadline - time.monotonic(),
            )
        except ProviderError as error:
            _fail_write(error)

    def find(
        self, *, key: UUID, event_type_id: int, starts_at: datetime, timeout_s: float
    ) -> CalendarBooking | None:
        deadline = time.monotonic() + timeout_s
        filters: dict[str, str | int] = {
            "eventTypeId": event_type_id,
            "afterStart": utc(starts_at),
            "beforeEnd": utc(starts_at + LONGEST_VISIT),
        }
        mine: list[Booking] = []
        skip = 0
        for _ in range(MOST_PAGES):
            try:
                page = self._client.list_bookings(
                    filters, skip=skip, timeout_s=deadline - time.monotonic()
                )
            except ProviderError as error:
                _fail_read(error)
            mine += [booking for booking in page.bookings if booking.key == key]
            if not page.may_have_more:
                break
            skip += len(page.bookings)
        return self._live_one(mine, starts_at, deadline)

    def _live_one(
        self, mine: list[Booking], starts_at: datetime, deadline: float
    ) -> CalendarBooking | None:
        """Return the live booking, at the wished start if several live."""
        live = [one for one in map(_known, mine) if one.is_live]
        live.sort(key=lambda one: one.starts_at != starts_at)
        if live:
            return live[0]
        for booking in mine:
            if booking.rescheduled_to_uid:
                moved = self._follow(_known(booking), deadline)
                if moved.is_live:
                    return moved
        return None

    def _follow(self, booking: CalendarBooking, deadline: float) -> CalendarBooking:
        """Return what a booking that was moved has become."""
        return self._trail(booking, deadline)[-1]

    def _trail(
        self, booking: CalendarBooking, deadline: float
    ) -> list[CalendarBooking]:
        """Return a booking and those that it was moved to."""
        trail = [booking]
        while len(trail) <= MOST_MOVES:
            last = trail[-1]
            if last.is_live or not last.moved_to_uid:
                break
            left_s = deadline - time.monotonic()
            try:
                trail.append(self.get(last.moved_to_uid, timeout_s=left_s))
            except BookingNotFound:
                break
        return trail

    def trail(self, uid: str, *, timeout_s: float) -> list[CalendarBooking]:
        deadline = time.monotonic() + timeout_s
        return self._trail(self.get(uid, timeout_s=timeout_s), deadline)

    def get(self, uid: str, *, timeout_s: float) -> CalendarBooking:
        try:
            return _known(self._client.get_booking(uid, timeout_s=timeout_s))
        except ProviderError as error:
            if _is_unknown_uid(error):
                raise BookingNotFound from error
            _fail_read(error)

    def move(
        self, uid: str, *, starts_at: datetime, reason: str, timeout_s: float
    ) -> CalendarBooking:
        deadline = time.monotonic() + timeout_s
        try:
            return _known(
                self._client.reschedule(
                    uid, starts_at=starts_at, reason=reason, timeout_s=timeout_s
                )
            )
        except ProviderError as error:
            if not _says(error, "Can't reschedule booking"):
                _fail_write(error)
            refusal = error
        # It is cancelled, or an earlier try has moved it: its record tells which.
        try:
            old = self.get(uid, timeout_s=deadline - time.monotonic())
        except BookingNotFound:
            raise CalendarRefused(str(refusal)) from refusal
        moved = self._follow(old, deadline)
        if moved.uid != uid and moved.is_live and moved.starts_at == starts_at:
            return moved
        raise CalendarRefused(str(refusal)) from refusal

    def cancel(self, uid: str, *, reason: str, timeout_s: float) -> CalendarBooking:
        deadline = time.monotonic() + timeout_s
        for _ in range(MOST_MOVES):
            left_s = deadline - time.monotonic()
            try:
                return _known(self._client.cancel(uid, reason=reason, timeout_s=left_s))
            except ProviderError as error:
                if _is_unknown_uid(error):
                    raise BookingNotFound from error
                if not _says(error, "has been cancelled already"):
                    _fail_write(error)
            old = self.get(uid, timeout_s=deadline - time.monotonic())
            moved = self._follow(old, deadline)
            if not moved.is_live:
                return moved
            if moved.uid == uid:
                raise CalendarUnavailable("Cal.com contradicts itself")
            uid = moved.uid  # somebody moved it: the visit itself is to be cancelled
        raise CalendarRefused("the booking was moved too often")

    def _needs_title(self, event_type_id: int) -> bool:
        name = redis.company_key(self._company_id, "needs_title", event_type_id)
        return redis.ask(lambda client: bool(client.exists(name)), otherwise=False)

    def _remember_title(self, event_type_id: int) -> None:
        name = redis.company_key(self._company_id, "needs_title", event_type_id)
        redis.ask(lambda client: client.set(name, b"1", ex=TITLE_S), otherwise=None)


def _known(booking: Booking) -> CalendarBooking:
    return CalendarBooking(
        uid=booking.uid,
        status=booking.status,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        key=booking.key,
        moved_to_uid=booking.rescheduled_to_uid,
        moved_from_uid=booking.rescheduled_from_uid,
        host_ids=booking.host_ids,
        attendee_emails=booking.attendee_emails,
    )


def _says(error: ProviderError, words: str) -> bool:
    return isinstance(error, ProviderRejected) and words in error.text


def _is_unknown_uid(error: ProviderError) -> bool:
    """Tell whether the booking is unknown, not the path or its version."""
    return error.status == 404 and bool(
        re.search(r"^Booking with uid=.* not found", error.text)
    )


def _fail_read(error: ProviderError) -> NoReturn:
    if isinstance(error, ProviderUnavailable):
        raise CalendarUnavailable(str(error)) from error
    raise CalendarRefused(str(error)) from error


def _fail_write(error: ProviderError) -> NoReturn:
    """Raise what a write's failure means; closed by default."""
    raise _meaning(error) from error


def _meaning(error: ProviderError) -> AskProError:
    for refusal in REFUSALS:
        found = re.search(refusal.words, error.text)
        if found and error.status in refusal.statuses:
            if refusal.is_taken:
                return SlotTaken()
            needs = refusal.needs or found.group(1)
            return CalendarRefused(str(error), needs=needs)
    if isinstance(error, ProviderRejected):
        return CalendarRefused(str(error))
    if isinstance(error, ProviderUnavailable) and not error.sent:
        return CalendarUnavailable(str(error))
    return OutcomeUnknown(str(error))


def calendar_of(branch: Branch, *, rehearsal: bool = False) -> BaseCalendar:
    """Return the calendar of a branch: its company's account, else the platform's.

    :param rehearsal: only an account at the sandbox will do.
    :raises CalendarRefused: there is no such account, or it has no key.
    """
    account = (
        ProviderAccount.objects.filter(
            Q(company_id=branch.company_id) | Q(company__isnull=True),
            provider=ProviderAccount.Provider.CALCOM,
            is_active=True,
        )
        .order_by(F("company_id").asc(nulls_last=True))
        .first()
    )
    if account is None:
        raise CalendarRefused("there is no Cal.com account for this company")
    if not account.api_key:
        raise CalendarRefused("the Cal.com account has no API key")
    if rehearsal and urlsplit(account.base_url).hostname not in LOOPBACK:
        raise CalendarRefused("a rehearsal needs a Cal.com account at the sandbox")
    client = clients.calcom(account, company_id=branch.company_id)
    return CalcomCalendar(client, company_id=branch.company_id)
