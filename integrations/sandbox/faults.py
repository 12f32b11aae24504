"""Orders to misbehave: kept in the database, each taken by one request at a time."""

from __future__ import annotations

import fnmatch
from typing import Any

from django.db import connection

from integrations.sandbox import calcom_errors
from integrations.sandbox.exchange import Json, Request, Response
from integrations.sandbox.models import Fault

Kind = Fault.Kind
#: What Retell says of a limit that was reached.
RETELL_LIMIT = {
    "X-RateLimit-Limiter": "general",
    "RateLimit-Limit": "100",
    "RateLimit-Remaining": "0",
    "RateLimit-Reset": "10",
}
#: Other ways to name a kind and its value in one member.
SHORT_FORMS = {
    "delay_s": Kind.DELAY,
    "delay_after_s": Kind.DELAY_AFTER,
    "status": Kind.STATUS,
    "status_after": Kind.STATUS_AFTER,
}


class BadOrder(Exception):
    """An order that nobody can follow; the message says why."""


def order(wanted: Json) -> Fault:
    """Keep an order. A route that names no provider is Cal.com's.

    :raises BadOrder: a member is missing or unknown; nothing is kept.
    """
    route = str(wanted.get("route", ""))
    if len(route.split(" ")) != 2:
        raise BadOrder('route must be like "POST /v2/bookings" or "* /v2/*"')
    kind, value = wanted.get("kind"), wanted.get("value", 0)
    for name, short in SHORT_FORMS.items():
        if kind is None and name in wanted:
            kind, value = short, wanted[name]
    if kind not in Kind.values:
        raise BadOrder(f"kind must be one of {', '.join(Kind.values)}")
    times = wanted.get("times")
    return Fault.objects.create(
        route=route, kind=kind, value=value, body=wanted.get("body"), times=times
    )


def take(method: str, path: str) -> Fault | None:
    """Return the first order that meets a request, one time fewer, or None."""
    path = path.partition("?")[0]
    paths = {path, path.removeprefix("/calcom")}
    for fault in Fault.objects.order_by("pk"):
        wanted, pattern = fault.route.split(" ")
        is_met = any(fnmatch.fnmatchcase(name, pattern) for name in paths)
        if wanted not in ("*", method) or not is_met:
            continue
        if fault.times is None or _spend(fault):
            return fault
    return None


def _spend(fault: Fault) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE sandbox_fault SET times = times - 1 WHERE id = %s AND times > 0",
            [fault.pk],
        )
        return bool(cursor.rowcount)


def refusal(fault: Fault, request: Request) -> Response:
    """Return the answer that a status order asks for, in the provider's shape.

    5xx are bare, as everything unhandled is; ``"body": "envelope"`` asks for the
    other shape.
    """
    status = int(fault.value)
    if request.path.startswith("/retell"):
        message = "Too many requests" if status == 429 else "Internal server error"
        headers = RETELL_LIMIT if status == 429 else {}
        return Response(status, {"status": "error", "message": message}, dict(headers))
    path = request.path.removeprefix("/calcom")
    body: Any = fault.body
    if status == 429:
        return calcom_errors.too_many(path)
    if body == "envelope":
        text = "Internal server error"
        return calcom_errors.coded(status, "INTERNAL_SERVER_ERROR", text, path)
    if isinstance(body, dict):
        return Response(status, body)
    return calcom_errors.bare(status, "Internal server error")
