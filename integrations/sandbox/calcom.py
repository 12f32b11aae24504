"""Cal.com's API v2 as the sandbox serves it, below ``/calcom``.

Which guard speaks first is part of the imitation: body, version, key, budget,
permission, then what the endpoint itself refuses.
Source: recordings of the real interface, kept under ``tests/payloads/calcom``.
"""

from __future__ import annotations

import re

from integrations.sandbox import (
    calcom_access,
    calcom_bookings,
    calcom_event_types,
    calcom_legacy,
    calcom_lists,
    calcom_moves,
    calcom_reservations,
    calcom_slots,
    webhooks,
)
from integrations.sandbox.calcom_errors import Refusal, rate_headers, too_many
from integrations.sandbox.calcom_routes import (
    ANY,
    FALLBACK,
    Access,
    Call,
    Route,
    meant_version,
)
from integrations.sandbox.exchange import Json, Request, Response

BOOKINGS = frozenset({"2024-08-13"})
SLOTS = frozenset({"2024-09-04"})
EVENT_TYPES = frozenset({"2024-06-14"})
SCHEDULES = frozenset({"2024-06-11", "2024-06-14"})
OLD = frozenset({FALLBACK})
_UID = r"/v2/bookings/([^/]+)"
_HELD = r"/v2/slots/reservations"
_HOOKS = r"/v2/webhooks"
_TYPES = r"/v2/event-types"

OPEN, PERMITTED, SIGNED_IN = Access.OPEN, Access.PERMITTED, Access.SIGNED_IN


def me(call: Call) -> Response:
    """Answer whose key it is."""
    assert call.user is not None
    user = call.user
    schedule = user.calcomschedule_set.filter(is_default=True).first()
    told: Json = {
        "id": user.pk,
        "email": user.email,
        "name": user.name,
        "avatarUrl": None,
        "bio": None,
        "timeFormat": 24,
        "defaultScheduleId": schedule.pk if schedule else None,
        "weekStart": "Monday",
        "timeZone": user.time_zone,
        "username": user.username,
        "organizationId": None,
    }
    return Response(200, {"status": "success", "data": told})


def refresh_key(call: Call) -> Response:
    """Fail, as it does where the commercial parts were taken out."""
    return Response(500, {"statusCode": 500, "message": "Internal server error"})


ROUTES = [
    Route("GET", r"/v2/me", ANY, SIGNED_IN, me),
    Route("POST", r"/v2/api-keys/refresh", ANY, SIGNED_IN, refresh_key),
    Route("GET", _TYPES, EVENT_TYPES, OPEN, calcom_event_types.list_event_types),
    Route("GET", _TYPES, OLD, OPEN, calcom_legacy.list_event_types),
    Route(
        "GET",
        _TYPES + r"/(\d+)",
        EVENT_TYPES,
        PERMITTED,
        calcom_event_types.get_event_type,
    ),
    Route("GET", _TYPES + r"/(\d+)", OLD, PERMITTED, calcom_legacy.event_type),
    Route("POST", _TYPES, EVENT_TYPES, PERMITTED, calcom_event_types.create_event_type),
    Route(
        "PATCH",
        _TYPES + r"/(\d+)",
        EVENT_TYPES,
        PERMITTED,
        calcom_event_types.change_event_type,
    ),
    Route(
        "DELETE",
        _TYPES + r"/(\d+)",
        EVENT_TYPES,
        PERMITTED,
        calcom_event_types.delete_event_type,
    ),
    Route(
        "GET",
        r"/v2/schedules/default",
        SCHEDULES,
        SIGNED_IN,
        calcom_event_types.default_schedule,
    ),
    Route(
        "GET", r"/v2/schedules", SCHEDULES, SIGNED_IN, calcom_event_types.list_schedules
    ),
    Route(
        "GET",
        r"/v2/schedules/(\d+)",
        SCHEDULES,
        SIGNED_IN,
        calcom_event_types.get_schedule,
    ),
    Route(
        "POST",
        r"/v2/schedules",
        SCHEDULES,
        SIGNED_IN,
        calcom_event_types.create_schedule,
    ),
    Route("GET", r"/v2/slots", SLOTS, OPEN, calcom_slots.get_slots),
    Route("POST", _HELD, SLOTS, OPEN, calcom_reservations.reserve),
    Route("GET", _HELD + r"/([^/]+)", SLOTS, OPEN, calcom_reservations.read),
    Route("PATCH", _HELD + r"/([^/]+)", SLOTS, OPEN, calcom_reservations.move),
    Route("DELETE", _HELD + r"/([^/]+)", SLOTS, OPEN, calcom_reservations.release),
    Route("POST", r"/v2/bookings", BOOKINGS, OPEN, calcom_bookings.create),
    Route("POST", r"/v2/bookings", OLD, OPEN, calcom_legacy.refuse_create),
    Route("GET", r"/v2/bookings", BOOKINGS, PERMITTED, calcom_lists.list_bookings),
    Route("GET", r"/v2/bookings", OLD, PERMITTED, calcom_legacy.bookings),
    Route(
        "GET", r"/v2/bookings/by-seat/([^/]+)", BOOKINGS, OPEN, calcom_bookings.by_seat
    ),
    Route("GET", _UID, BOOKINGS, OPEN, calcom_bookings.read),
    Route("GET", _UID, OLD, OPEN, calcom_legacy.booking),
    Route("POST", _UID + r"/reschedule", BOOKINGS, OPEN, calcom_moves.reschedule),
    Route("POST", _UID + r"/cancel", BOOKINGS, OPEN, calcom_moves.cancel),
    Route("POST", _UID + r"/confirm", BOOKINGS, PERMITTED, calcom_moves.confirm),
    Route("POST", _UID + r"/decline", BOOKINGS, PERMITTED, calcom_moves.decline),
    Route(
        "POST", _UID + r"/mark-absent", BOOKINGS, PERMITTED, calcom_moves.mark_absent
    ),
    Route("GET", _UID + r"/attendees", BOOKINGS, PERMITTED, calcom_bookings.attendees),
    Route(
        "GET",
        _UID + r"/calendar-links",
        BOOKINGS,
        PERMITTED,
        calcom_bookings.calendar_links,
    ),
    Route(
        "GET", _UID + r"/references", BOOKINGS, PERMITTED, calcom_bookings.references
    ),
    Route("POST", _HOOKS, ANY, SIGNED_IN, webhooks.create),
    Route("GET", _HOOKS, ANY, SIGNED_IN, webhooks.list_webhooks),
    Route("GET", _HOOKS + r"/([^/]+)", ANY, SIGNED_IN, webhooks.read),
    Route("PATCH", _HOOKS + r"/([^/]+)", ANY, SIGNED_IN, webhooks.change),
    Route("DELETE", _HOOKS + r"/([^/]+)", ANY, SIGNED_IN, webhooks.delete),
    Route("POST", _TYPES + r"/(\d+)/webhooks", ANY, PERMITTED, webhooks.create),
    Route("GET", _TYPES + r"/(\d+)/webhooks", ANY, PERMITTED, webhooks.list_webhooks),
]
_COMPILED = [(route, re.compile(route.pattern)) for route in ROUTES]


def answer(request: Request) -> Response:
    """Answer a request; its path is as Cal.com sees it, from ``/v2`` on."""
    try:
        body = request.json()
    except ValueError:
        text = _parser_text(request.raw)
        return Refusal(400, text).response(request.path)
    found = _find(request)
    if found is None:
        text = f"Cannot {request.method} {request.path}"
        return Refusal(404, text).response(request.path)
    route, ids = found
    token = calcom_access.bearer(request)
    try:
        key = calcom_access.known_key(token)
    except Refusal as refusal:
        return refusal.response(request.path)
    budget = calcom_access.spend(token or calcom_access.ANONYMOUS)
    if budget.is_blocked:
        return too_many(request.path, reset_s=budget.reset_s)
    try:
        call = Call(
            path=request.path,
            query=request.query,
            body=body if isinstance(body, dict) else {},
            ids=ids,
            user=calcom_access.check(route.access, token, key),
            version=meant_version(request.headers.get("cal-api-version", "")),
            headers=request.headers,
        )
        response = route.handler(call)
    except Refusal as refusal:
        response = refusal.response(request.path)
    response.headers |= rate_headers(
        calcom_access.LIMIT, budget.remaining, budget.reset_s
    )
    return response


def _find(request: Request) -> tuple[Route, tuple[str, ...]] | None:
    version = meant_version(request.headers.get("cal-api-version", ""))
    for route, pattern in _COMPILED:
        if route.method == request.method and version in route.versions:
            matched = pattern.fullmatch(request.route_path)
            if matched:
                return route, tuple(matched.groups())
    return None


def _parser_text(raw: bytes) -> str:
    if raw.lstrip()[:1] == b"{":
        return "Expected property name or '}' in JSON at position 1"
    first = raw.decode(errors="replace")[:1]
    return f"Unexpected token '{first}' in JSON at position 0"
