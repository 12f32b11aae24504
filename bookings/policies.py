"""What the house rules allow, and the sentence that explains what they don't."""

from __future__ import annotations

from datetime import datetime, timedelta

from bookings.answers import Code, Declined
from bookings.calls import Caller
from bookings.language import phrases
from bookings.models import Appointment


def check_start(caller: Caller, starts_at: datetime) -> None:
    """Refuse a start that is past, too soon or too far away.

    :raises Declined: with the reason as a sentence.
    """
    branch = caller.branch
    if starts_at <= caller.now:
        raise Declined(Code.INVALID_INPUT, phrases.past())
    if starts_at < caller.now + timedelta(minutes=branch.minimum_notice_min):
        raise Declined(Code.POLICY, phrases.too_soon(branch.minimum_notice_min))
    if starts_at > caller.now + timedelta(days=branch.booking_window_days):
        raise Declined(Code.POLICY, phrases.too_far(branch.booking_window_days))


def check_change(caller: Caller, appointment: Appointment) -> None:
    """Refuse to move or cancel an appointment that starts too soon for that.

    The branch's own rule goes before the company's.

    :raises Declined: with the reason as a sentence.
    """
    notice_min = caller.branch.cancellation_notice_min
    if notice_min is None:
        notice_min = caller.branch.company.cancellation_notice_min
    if appointment.starts_at < caller.now + timedelta(minutes=notice_min):
        raise Declined(
            Code.POLICY, phrases.too_late_to_change(notice_min), needs_person=True
        )
