"""Cal.com's webhooks: subscriptions, and deliveries inside the call that causes them.

A subscriber is waited for without end, is told once, and never again.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import threading
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from django.db import connection, connections
from django.db.models import Q

from integrations.sandbox import installation
from integrations.sandbox import webhook_bodies as bodies
from integrations.sandbox.calcom_errors import Invalid, Refusal, moment, violation
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import (
    CalcomBooking,
    CalcomEventType,
    CalcomWebhook,
    Delivery,
    Installation,
)

TRIGGERS = (
    "BOOKING_CREATED",
    "BOOKING_PAYMENT_INITIATED",
    "BOOKING_PAID",
    "BOOKING_RESCHEDULED",
    "BOOKING_REQUESTED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_NO_SHOW_UPDATED",
    "FORM_SUBMITTED",
    "MEETING_ENDED",
    "MEETING_STARTED",
    "RECORDING_READY",
    "RECORDING_TRANSCRIPTION_GENERATED",
    "OOO_CREATED",
    "AFTER_HOSTS_CAL_VIDEO_NO_SHOW",
    "AFTER_GUESTS_CAL_VIDEO_NO_SHOW",
    "FORM_SUBMITTED_NO_EVENT",
    "DELEGATION_CREDENTIAL_ERROR",
    "WRONG_ASSIGNMENT_REPORT",
)
VERSION = "2021-10-20"
NO_SECRET = "no-secret-provided"  # noqa: S105 what the header says without one
PATIENCE_S = 120
HELD_S = 2.0
_MEMBERS = ("active", "subscriberUrl", "triggers", "secret", "payloadTemplate")


def create(call: Call) -> Response:
    """Subscribe; the secret is answered in clear."""
    assert call.user is not None
    body = call.body
    _validate(body, owed=("active", "subscriberUrl", "triggers"))
    url = body["subscriberUrl"]
    _refuse_bad_url(url)
    event_type_id = int(call.ids[0]) if call.ids else None
    same = CalcomWebhook.objects.filter(
        user=call.user, subscriber_url=url, event_type_id=event_type_id
    )
    if same.exists():
        whose = "this event type" if call.ids else "this user"
        raise Refusal(
            409, f"Webhook with this subscriber url already exists for {whose}"
        )
    if event_type_id and not CalcomEventType.objects.filter(pk=event_type_id).exists():
        raise Refusal(404, f"Event type with id {event_type_id} not found")
    row = CalcomWebhook.objects.create(
        user=call.user,
        event_type_id=event_type_id,
        subscriber_url=url,
        triggers=body["triggers"],
        is_active=body["active"],
        secret=body.get("secret"),
        payload_template=body.get("payloadTemplate"),
    )
    return Response(201, {"status": "success", "data": _told(row)})


def list_webhooks(call: Call) -> Response:
    """Answer one's own subscriptions."""
    event_type_id = int(call.ids[0]) if call.ids else None
    rows = CalcomWebhook.objects.filter(user=call.user, event_type_id=event_type_id)
    told = [_told(row) for row in rows.order_by("created_at")]
    return Response(200, {"status": "success", "data": told})


def read(call: Call) -> Response:
    """Answer one subscription, with members that no list shows."""
    row = _own(call)
    told = {
        "id": str(row.pk),
        "userId": row.user_id,
        "teamId": None,
        "eventTypeId": row.event_type_id,
        "subscriberUrl": row.subscriber_url,
        "payloadTemplate": row.payload_template,
        "createdAt": moment(row.created_at),
        "active": row.is_active,
        "appId": None,
        "secret": row.secret,
        "platform": False,
        "time": None,
        "timeUnit": None,
        "version": VERSION,
        "triggers": row.triggers,
        "oAuthClientId": None,
    }
    return Response(200, {"status": "success", "data": told})


def change(call: Call) -> Response:
    """Change the members that the body names."""
    _validate(call.body, owed=())
    row = _own(call)
    if "subscriberUrl" in call.body:
        _refuse_bad_url(call.body["subscriberUrl"])
    row.subscriber_url = call.body.get("subscriberUrl", row.subscriber_url)
    row.triggers = call.body.get("triggers", row.triggers)
    row.is_active = call.body.get("active", row.is_active)
    row.secret = call.body.get("secret", row.secret)
    row.save()
    return Response(200, {"status": "success", "data": _told(row)})


def delete(call: Call) -> Response:
    """Unsubscribe."""
    row = _own(call)
    told = _told(row)
    row.delete()
    return Response(200, {"status": "success", "data": told})


def booked(booking: CalcomBooking, *, seat_uid: str = "") -> None:
    """Tell of a new booking, or of a wish for one."""
    if booking.status == "pending":
        _send("BOOKING_REQUESTED", booking, bodies.requested(booking))
    else:
        _send("BOOKING_CREATED", booking, bodies.created(booking, seat_uid))


def moved(booking: CalcomBooking, old: CalcomBooking) -> None:
    """Tell of a move; where it needs a confirmation, as of a new wish."""
    if booking.status == "pending":
        _send("BOOKING_REQUESTED", booking, bodies.requested(booking))
    else:
        _send("BOOKING_RESCHEDULED", booking, bodies.rescheduled(booking, old))


def cancelled(booking: CalcomBooking, reason: str) -> None:
    """Tell of a cancel, before it is written."""
    _send("BOOKING_CANCELLED", booking, bodies.cancelled(booking, reason))


def confirmed(booking: CalcomBooking) -> None:
    """Tell of a confirmation."""
    _send("BOOKING_CREATED", booking, bodies.confirmed(booking))


def rejected(booking: CalcomBooking) -> None:
    """Tell of a rejection."""
    _send("BOOKING_REJECTED", booking, bodies.rejected(booking))


def absent(booking: CalcomBooking, marked: list[Json]) -> None:
    """Tell who did not come."""
    _send("BOOKING_NO_SHOW_UPDATED", booking, bodies.absent(booking, marked))


def _send(trigger: str, booking: CalcomBooking, payload: Json) -> None:
    rows = CalcomWebhook.objects.filter(
        Q(event_type=None) | Q(event_type=booking.event_type),
        user=booking.host,
        is_active=True,
    )
    wanted = [row for row in rows if trigger in row.triggers]
    if not wanted:
        return
    behaviour = installation.current()
    if behaviour.webhook_mode == Installation.WebhookMode.OFF:
        return
    envelope = {
        "triggerEvent": trigger,
        "createdAt": moment(),
        "payload": payload,
    }
    body = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    for row in wanted:
        delivery = Delivery(
            trigger=trigger,
            booking_uid=booking.uid,
            url=row.subscriber_url,
            body=body,
            signature=signature(body.encode(), row.secret),
        )
        _deliver(delivery, behaviour)


def signature(raw: bytes, secret: str | None) -> str:
    """Return the header's value: HMAC-SHA256 over the body, in hex."""
    if not secret:
        return NO_SECRET
    return hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()


def _deliver(delivery: Delivery, behaviour: Installation) -> None:
    mode = behaviour.webhook_mode
    if mode == Installation.WebhookMode.LATE:
        _in_background(delivery, behaviour.late_s)
    elif mode == Installation.WebhookMode.REORDERED:
        _deliver_reordered(delivery)
    else:
        _post(delivery)
        if mode == Installation.WebhookMode.DOUBLE:
            delivery.pk = uuid.uuid4()
            _post(delivery)


def _deliver_reordered(delivery: Delivery) -> None:
    """Hold every other delivery until the next one is out, or for two seconds."""
    held = _take_held(delivery.url)
    if held is None:
        delivery.state = Delivery.State.HELD
        delivery.save(force_insert=True)
        threading.Thread(target=_flush, args=(delivery,), daemon=True).start()
    else:
        _post(delivery)
        _post(held)


def _take_held(url: str) -> Delivery | None:
    held = Delivery.objects.filter(url=url, state=Delivery.State.HELD).first()
    return held if held is not None and _claim(held) else None


def _claim(delivery: Delivery) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM sandbox_delivery WHERE id = %s AND state = 'held'",
            [delivery.pk],
        )
        return bool(cursor.rowcount)


def _flush(delivery: Delivery) -> None:
    time.sleep(HELD_S)
    try:
        if _claim(delivery):
            _post(delivery)
    finally:
        connections.close_all()


def _in_background(delivery: Delivery, seconds: float) -> None:
    def later() -> None:
        time.sleep(seconds)
        try:
            _post(delivery)
        finally:
            connections.close_all()

    threading.Thread(target=later, daemon=True).start()


def _post(delivery: Delivery) -> None:
    """Deliver once and note what came back; whatever it is, nothing is repeated."""
    connections.close_all()
    address = urlsplit(delivery.url)
    secure = address.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    line = kind(address.hostname or "", address.port, timeout=PATIENCE_S)
    try:
        target = (address.path or "/") + (f"?{address.query}" if address.query else "")
        headers = {
            "Content-Type": "application/json",
            "X-Cal-Signature-256": delivery.signature,
            "X-Cal-Webhook-Version": VERSION,
            "accept": "*/*",
            "user-agent": "node",
        }
        line.request("POST", target, body=delivery.body.encode(), headers=headers)
        answer = line.getresponse()
        answer.read()
        delivery.status, delivery.state = answer.status, Delivery.State.SENT
    except (OSError, http.client.HTTPException):
        delivery.status, delivery.state = None, Delivery.State.FAILED
    finally:
        line.close()
    delivery.save(force_insert=True)


def _validate(body: Json, *, owed: tuple[str, ...]) -> None:
    target = {name: body[name] for name in _MEMBERS if name in body}
    errors: list[Json] = []
    checks: list[tuple[str, Any, str, str]] = [
        ("active", bool, "isBoolean", "active must be a boolean value"),
        ("subscriberUrl", str, "isString", "subscriberUrl must be a string"),
        ("triggers", list, "isArray", "triggers must be an array"),
    ]
    for name, kind, rule, text in checks:
        if (name in body or name in owed) and not isinstance(body.get(name), kind):
            errors.append(violation(target, name, rule, text))
    triggers = body.get("triggers")
    if isinstance(triggers, list) and not set(triggers) <= set(TRIGGERS):
        text = "each value in triggers must be one of the following values: "
        text += ", ".join(TRIGGERS)
        errors.append(violation(target, "triggers", "isEnum", text))
    if errors:
        raise Invalid(errors)


def _refuse_bad_url(url: str) -> None:
    address = urlsplit(url)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise Refusal(400, "Webhook URL is not allowed: Invalid URL format")


def _own(call: Call) -> CalcomWebhook:
    missing = Refusal(404, f"Webhook ({call.ids[0]}) not found")
    try:
        number = uuid.UUID(call.ids[0])
    except ValueError as error:
        raise missing from error
    row = CalcomWebhook.objects.filter(pk=number).first()
    if row is None:
        raise missing
    if row.user != call.user:
        raise Refusal(403, "User is not the owner of the webhook")
    return row


def _told(row: CalcomWebhook) -> Json:
    owner: Json = (
        {"userId": row.user_id}
        if row.event_type_id is None
        else {"eventTypeId": row.event_type_id}
    )
    return {
        "id": str(row.pk),
        "payloadTemplate": row.payload_template,
        "triggers": row.triggers,
        "subscriberUrl": row.subscriber_url,
        "active": row.is_active,
        "secret": row.secret,
    } | owner
