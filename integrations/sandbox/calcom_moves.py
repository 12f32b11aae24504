"""What happens to a booking once it is made."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from integrations.sandbox import calcom_validation as check
from integrations.sandbox import webhooks
from integrations.sandbox.calcom_booking_json import booking_json
from integrations.sandbox.calcom_bookings import (
    find,
    idempotency_key,
    new_uid,
    refuse_taken,
    refuse_unbookable,
    store,
    think,
)
from integrations.sandbox.calcom_errors import Bare, Coded, Refusal, coded, moment
from integrations.sandbox.calcom_event_types import needs_confirmation, setting
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import CalcomAttendee, CalcomBooking

_MINUTE = timedelta(minutes=1)


def reschedule(call: Call) -> Response:
    """Move a booking: a new one takes its place, the old one is cancelled.

    Two moves at once both succeed where their times differ.
    """
    check.check_move(call.body)
    old = find(call.ids[0])
    _refuse_closed(old)
    is_host = old.host.is_reached_by(call.user)
    _refuse_late_move(old, is_host=is_host)
    start = check.instant(call.body["start"])
    length = (old.ends_at - old.starts_at) // _MINUTE
    refuse_unbookable(old.event_type, start, length)
    refuse_taken(old.event_type, start, length, ignored=old.uid)
    is_pending = needs_confirmation(old.event_type) and not is_host
    think()
    new = _moved(old, call, is_pending=is_pending)
    webhooks.moved(new, old)
    return Response(201, _success(new.uid, is_made=True))


def _refuse_closed(booking: CalcomBooking) -> None:
    begin = f"Can't reschedule booking with uid={booking.uid} because it has been"
    if booking.to_uid:
        raise Refusal(
            400,
            f"{begin} cancelled and rescheduled already to booking with"
            f" uid={booking.to_uid}. You probably want to reschedule"
            f" {booking.to_uid} instead by passing it within the request URL.",
        )
    if booking.status == "cancelled":
        raise Refusal(
            400,
            f"{begin} cancelled. Please provide uid of a booking that is not"
            " cancelled.",
        )
    if booking.status == "rejected":
        raise Refusal(
            400,
            f"{begin} rejected. Please provide uid of a booking that is not rejected.",
        )


def _refuse_late_move(booking: CalcomBooking, *, is_host: bool) -> None:
    rule = setting(booking.event_type, "disableRescheduling") or {}
    minutes = rule.get("minutesBefore")
    now = timezone.now()
    if minutes and not is_host and now < booking.starts_at < now + minutes * _MINUTE:
        raise Bare(
            403,
            "Rescheduling is not allowed within the minimum notice period before the"
            " event",
        )


def _moved(old: CalcomBooking, call: Call, *, is_pending: bool) -> CalcomBooking:
    start = check.instant(call.body["start"])
    end = start + (old.ends_at - old.starts_at)
    reason = call.body.get("reschedulingReason") or ""
    by = call.body.get("rescheduledBy")
    extra = {"rescheduledReason": reason} if reason else {}
    new = CalcomBooking(
        uid=new_uid(),
        event_type=old.event_type,
        host=old.host,
        status="pending" if is_pending else "accepted",
        idempotency_key=None if is_pending else idempotency_key(old.host, start, end),
        starts_at=start,
        ends_at=end,
        title=old.title,
        description=old.description,
        location=old.location,
        metadata=old.metadata,
        responses=_carried(old.responses) | extra,
        rescheduling_reason=reason,
        rescheduled_by=by,
        from_uid=old.uid,
        ical_uid=old.ical_uid,
        ical_sequence=old.ical_sequence + 1,
    )
    with transaction.atomic():
        CalcomBooking.objects.filter(pk=old.pk).update(
            status="cancelled",
            idempotency_key=None,
            to_uid=new.uid,
            rescheduled_by=by,
            updated_at=timezone.now(),
        )
        store(new)
        for attendee in old.attendees.order_by("pk"):
            attendee.pk, attendee.booking = None, new
            attendee.save(force_insert=True)
    return new


def _carried(responses: Json) -> Json:
    return {k: v for k, v in responses.items() if k != "rescheduledReason"}


def cancel(call: Call) -> Response:
    """Cancel a booking; the subscribers are told before the row changes."""
    check.check_cancel(call.body)
    uid = call.ids[0]
    booking = CalcomBooking.objects.filter(uid=uid).first()
    if booking is None:
        raise Refusal(404, f"Booking with uid={uid} not found")
    if booking.status in ("cancelled", "rejected"):
        raise Refusal(
            400,
            f"Can't cancel booking with uid={uid} because it has been cancelled"
            " already. Please provide uid of a booking that is not cancelled.",
        )
    booking = find(uid)
    reason = call.body.get("cancellationReason") or ""
    _refuse_cancel(booking, reason, is_host=booking.host.is_reached_by(call.user))
    think()
    seat_uid = call.body.get("seatUid")
    if seat_uid and _left(booking, seat_uid):
        return Response(200, _success(uid))
    webhooks.cancelled(booking, reason)
    CalcomBooking.objects.filter(pk=booking.pk).update(
        status="cancelled",
        idempotency_key=None,
        cancellation_reason=reason,
        updated_at=timezone.now(),
    )
    return Response(200, _success(uid))


def _refuse_cancel(booking: CalcomBooking, reason: str, *, is_host: bool) -> None:
    rule = setting(booking.event_type, "disableCancelling") or {}
    if rule.get("disabled"):
        raise Bare(400, "This event type does not allow cancellations")
    if booking.ends_at < timezone.now():
        raise Bare(400, "Cannot cancel a booking that has already ended")
    if is_host and not reason.strip():
        raise Bare(400, "Cancellation reason is required")


def _left(booking: CalcomBooking, seat_uid: str) -> bool:
    """Give one seat back; tell whether somebody still comes."""
    seat = CalcomAttendee.objects.filter(seat_uid=seat_uid).first()
    if seat is None:
        raise Refusal(
            400,
            "Invalid seatUid: this seat does not exist or has already been cancelled.",
        )
    if seat.booking_id != booking.pk:
        raise Refusal(
            400, "Invalid seatUid: this seat does not belong to this booking."
        )
    seat.delete()
    return booking.attendees.exists()


def confirm(call: Call) -> Response:
    """Accept a pending booking, whatever else was accepted for its time."""
    booking = find(call.ids[0])
    refused = _refuse_strangers(call, booking)
    if refused is not None:
        return refused
    if booking.status == "accepted":
        raise Coded("TRPCError", "Booking already confirmed")
    _settle(booking, "accepted")
    webhooks.confirmed(find(booking.uid))
    return Response(200, _success(booking.uid))


def decline(call: Call) -> Response:
    """Reject a booking; a second time the subscribers hear it again."""
    booking = find(call.ids[0])
    refused = _refuse_strangers(call, booking)
    if refused is not None:
        return refused
    if booking.status == "accepted":
        raise Coded("TRPCError", "Booking already confirmed")
    reason = call.body.get("reason") or ""
    CalcomBooking.objects.filter(pk=booking.pk).update(rejection_reason=reason)
    _settle(booking, "rejected")
    webhooks.rejected(find(booking.uid))
    return Response(200, _success(booking.uid))


def _refuse_strangers(call: Call, booking: CalcomBooking) -> Response | None:
    if booking.host.is_reached_by(call.user):
        return None
    text = "User is not authorized to confirm this booking"
    return coded(401, "TRPCError", text, call.path)


def _settle(booking: CalcomBooking, status: str) -> None:
    CalcomBooking.objects.filter(pk=booking.pk).update(
        status=status, updated_at=timezone.now()
    )


def mark_absent(call: Call) -> Response:
    """Note who did not come, once it has begun."""
    booking = find(call.ids[0])
    now = timezone.now()
    if now < booking.starts_at:
        raise Refusal(
            400,
            "Bookings can only be marked as absent after their scheduled start time."
            f" Current time in UTC+0: {moment(now)}, Booking start time in UTC+0:"
            f" {moment(booking.starts_at)}",
        )
    if "host" in call.body:
        CalcomBooking.objects.filter(pk=booking.pk).update(
            is_host_absent=bool(call.body["host"]), updated_at=now
        )
    marked = call.body.get("attendees") or []
    for entry in marked:
        booking.attendees.filter(email=entry.get("email")).update(
            is_absent=bool(entry.get("absent"))
        )
    if marked:
        webhooks.absent(booking, marked)
    return Response(200, _success(booking.uid))


def _success(uid: str, *, is_made: bool = False) -> dict[str, object]:
    return {"status": "success", "data": booking_json(find(uid), is_made=is_made)}
