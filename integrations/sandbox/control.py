"""The sandbox's own door: whoever sets a scene up pulls its levers here.

It listens on loopback only, like all of the sandbox, and asks for no key.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from django.utils import timezone

from integrations.sandbox import calcom_bookings, faults, installation, webhooks
from integrations.sandbox import calcom_event_types as event_types
from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_booking_json import booking_json
from integrations.sandbox.calcom_errors import Refusal, moment
from integrations.sandbox.exchange import Handler, Json, Request, Response
from integrations.sandbox.models import (
    CalcomApiKey,
    CalcomBooking,
    CalcomEventType,
    CalcomSchedule,
    CalcomUser,
    Delivery,
    Fault,
    Installation,
    ReceivedRequest,
)

EVERY_DAY = [*installation.WORKDAYS, "Sunday"]
ALWAYS_OPEN = [{"days": EVERY_DAY, "startTime": "00:00", "endTime": "23:59"}]
_BEHAVIOUR = ("webhook_mode", "late_s", "thinking_s", "rate_limit")


class Unclear(Exception):
    """An order that nobody can follow; the message says why."""


def told(lever: Callable[[Request, Json], Json]) -> Handler:
    """Return a handler that answers what a lever says, or why it does not move."""

    def answer(request: Request) -> Response:
        try:
            body = request.json()
            return Response(200, lever(request, body))
        except (Unclear, faults.BadOrder, Refusal, ValueError, KeyError) as error:
            return Response(400, {"error": f"{type(error).__name__}: {error}"})

    return answer


def reset(request: Request, body: Json) -> Json:
    """Forget everything but the keys."""
    made = installation.reset()
    return {"calcom_api_key": made.calcom_api_key}


def state(request: Request, body: Json) -> Json:
    """Tell how the sandbox behaves, and its keys."""
    made = installation.current()
    return {name: getattr(made, name) for name in _BEHAVIOUR} | {
        "connection": installation.connection_of(f"http://{request.headers['host']}"),
        "webhook_secret": made.calcom_webhook_secret,
        "faults": [_fault(row) for row in Fault.objects.order_by("pk")],
    }


def behave(request: Request, body: Json) -> Json:
    """Change how webhooks are sent, how long it thinks, what a key may ask."""
    unknown = body.keys() - set(_BEHAVIOUR)
    modes = Installation.WebhookMode.values
    if unknown:
        raise Unclear(f"unknown: {', '.join(sorted(unknown))}")
    if body.get("webhook_mode", "normal") not in modes:
        raise Unclear(f"webhook_mode must be one of {', '.join(modes)}")
    installation.current()
    Installation.objects.update(**body)
    return state(request, body)


def order_fault(request: Request, body: Json) -> Json:
    """Take an order to misbehave."""
    return _fault(faults.order(body))


def clear_faults(request: Request, body: Json) -> Json:
    """Forget all orders to misbehave."""
    count, _ = Fault.objects.all().delete()
    return {"cleared": count}


def make_event_types(request: Request, body: Json) -> Json:
    """Make event types, each with a calendar and key of its own or of one owner's.

    Members: count, title, length, hours ("open" for every hour of the week, or a
    schedule's availability), fields ("phone_only", "default"), settings, and owner:
    "own" (a calendar each), "team" (a calendar each that the first key reaches) or
    "first" (the first key's calendar).
    """
    installation.current()
    made = []
    for _ in range(int(body.get("count", 1))):
        owner, key = _owner(body)
        mark = secrets.token_hex(4)
        title = body.get("title", "Termin")
        fields = body.get("fields", "phone_only")
        event_type = CalcomEventType.objects.create(
            owner=owner,
            title=title,
            slug=f"termin-{mark}",
            length_min=int(body.get("length", 30)),
            settings={
                "locations": [
                    {"type": "address", "address": installation.ADDRESS, "public": True}
                ],
                "minimumBookingNotice": 0,
                **body.get("settings", {}),
            },
            booking_fields=(
                event_types.phone_only_fields()
                if fields == "phone_only"
                else event_types.default_fields()
            ),
        )
        made.append(
            {"id": event_type.pk, "user_id": owner.pk, "api_key": key, "title": title}
        )
    return {"event_types": made}


def _owner(body: Json) -> tuple[CalcomUser, str]:
    first = CalcomApiKey.objects.get(key=installation.current().calcom_api_key)
    kind = body.get("owner", "team")
    if kind == "first":
        assert first.user is not None
        return first.user, first.key
    mark = secrets.token_hex(4)
    owner = CalcomUser.objects.create(
        username=f"kalender-{mark}",
        email=f"kalender-{mark}@salon.example",
        name=body.get("name", f"Kalender {mark}"),
        admin=first.user if kind == "team" else None,
    )
    hours = body.get("hours", "usual")
    CalcomSchedule.objects.create(
        owner=owner,
        name="Öffnungszeiten",
        time_zone=owner.time_zone,
        availability={"usual": installation.HOURS, "open": ALWAYS_OPEN}.get(hours)
        if isinstance(hours, str)
        else hours,
        is_default=True,
    )
    key = CalcomApiKey.objects.create(
        key=f"cal_sandbox_{secrets.token_hex(16)}", user=owner
    )
    return owner, first.key if kind == "team" else key.key


def make_booking(request: Request, body: Json) -> Json:
    """Have somebody else book, past all doors; a time that is booked stays as it is.

    Members: start, name, event_type_id, minutes, email.
    """
    installation.current()
    start = check.instant(body["start"])
    event_type = CalcomEventType.objects.select_related("owner").get(
        pk=body.get("event_type_id", installation.EVENT_TYPE_ID)
    )
    minutes = int(body.get("minutes", event_type.length_min))
    end = start + timedelta(minutes=minutes)
    there = CalcomBooking.objects.filter(
        host=event_type.owner, status="accepted", starts_at__lt=end, ends_at__gt=start
    ).first()
    if there is None:
        there = _book(event_type, start, end, body)
    return {"booking": booking_json(there)}


def _book(
    event_type: CalcomEventType, start: datetime, end: datetime, body: Json
) -> CalcomBooking:
    name = body.get("name", "Jemand Anderes")
    uid = calcom_bookings.new_uid()
    responses = {"name": name, "email": body.get("email", "jemand@anderswo.example")}
    booking = CalcomBooking(
        uid=uid,
        event_type=event_type,
        host=event_type.owner,
        status="accepted",
        idempotency_key=calcom_bookings.idempotency_key(event_type.owner, start, end),
        starts_at=start,
        ends_at=end,
        title=calcom_bookings.title_of(event_type, name),
        location=installation.ADDRESS,
        responses=responses,
        ical_uid=f"{uid}@Cal.diy",
    )
    calcom_bookings.store(booking)
    attendee = {"name": name, "timeZone": event_type.owner.time_zone, "language": "de"}
    seat_uid = calcom_bookings.add_attendees(booking, {"attendee": attendee}, responses)
    webhooks.booked(booking, seat_uid=seat_uid)
    return booking


def show_bookings(request: Request, body: Json) -> Json:
    """Tell all bookings, the oldest first."""
    rows = CalcomBooking.objects.select_related("event_type", "host").order_by("pk")
    return {"bookings": [booking_json(row) for row in rows]}


def show_requests(request: Request, body: Json) -> Json:
    """Tell what was asked, after an instant or an id; the oldest first."""
    since = request.query.get("since", "")
    rows = ReceivedRequest.objects.order_by("pk")
    if since.isdigit():
        rows = rows.filter(pk__gt=int(since))
    elif since:
        rows = rows.filter(at__gt=check.instant(since))
    listed = [
        {
            "id": row.pk,
            "at": moment(row.at),
            "method": row.method,
            "path": row.path,
            "status": row.status,
            "fault": row.fault,
            "correlation_id": row.correlation_id,
            "duration_ms": row.duration_ms,
        }
        for row in rows
    ]
    return {"requests": listed, "now": moment(timezone.now())}


def show_deliveries(request: Request, body: Json) -> Json:
    """Tell the webhooks that were sent, the oldest first."""
    listed = [
        {
            "trigger": row.trigger,
            "uid": row.booking_uid,
            "url": row.url,
            "state": row.state,
            "status": row.status,
            "at": moment(row.at),
        }
        for row in Delivery.objects.order_by("at")
    ]
    return {"deliveries": listed}


def _fault(row: Fault) -> Json:
    return {
        "id": row.pk,
        "route": row.route,
        "kind": row.kind,
        "value": row.value,
        "times": row.times,
    }


ROUTES: list[tuple[str, str, Handler]] = [
    ("POST", r"/_sandbox/reset", told(reset)),
    ("GET", r"/_sandbox/state", told(state)),
    ("POST", r"/_sandbox/behaviour", told(behave)),
    ("POST", r"/_sandbox/faults", told(order_fault)),
    ("DELETE", r"/_sandbox/faults", told(clear_faults)),
    ("POST", r"/_sandbox/event-types", told(make_event_types)),
    ("POST", r"/_sandbox/bookings", told(make_booking)),
    ("GET", r"/_sandbox/bookings", told(show_bookings)),
    ("GET", r"/_sandbox/requests", told(show_requests)),
    ("GET", r"/_sandbox/deliveries", told(show_deliveries)),
]
