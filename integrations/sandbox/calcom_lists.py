"""The list of bookings, with the filters as they really count."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone

from integrations.sandbox import calcom_validation as check
from integrations.sandbox.calcom_booking_json import booking_json
from integrations.sandbox.calcom_errors import Invalid, violation
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import CalcomBooking, CalcomUser

STATUSES = ("upcoming", "recurring", "past", "cancelled", "unconfirmed")
USUAL_TAKE, MOST_TAKE = 100, 250
SORTS = {
    "sortStart": ("starts_at", "SortStart"),
    "sortEnd": ("ends_at", "SortEnd"),
    "sortCreated": ("created_at", "SortCreated"),
    "sortUpdatedAt": ("updated_at", "SortCreated"),
}
#: Filter: look-up, and the name that the refusal has for it.
SPANS = {
    "afterStart": ("starts_at__gte", "fromDate"),
    "beforeEnd": ("ends_at__lte", "toDate"),
}
#: These choose rows, but are not counted with them.
UNCOUNTED_SPANS = {
    "afterCreatedAt": ("created_at__gte", "fromDate"),
    "beforeCreatedAt": ("created_at__lte", "toDate"),
    "afterUpdatedAt": ("updated_at__gte", "fromDate"),
    "beforeUpdatedAt": ("updated_at__lte", "toDate"),
}
_LISTS = ("eventTypeIds", "teamsIds")
_NUMBERS = ("eventTypeId", "teamId", "take", "skip")


def list_bookings(call: Call) -> Response:
    """Answer the bookings of whom the key belongs to, as host or attendee."""
    assert call.user is not None
    wanted = _parsed(call.query)
    _validate(wanted)
    counted = _filtered(bookings_of(call.user), wanted)
    rows = counted
    for name, (lookup, _) in UNCOUNTED_SPANS.items():
        if name in wanted:
            rows = rows.filter(**{lookup: check.instant(wanted[name])})
    take, skip = wanted.get("take", USUAL_TAKE), wanted.get("skip", 0)
    page = rows.order_by(*_order(wanted)).select_related("event_type", "host")
    told = [
        booking_json(row)
        for row in page.prefetch_related("attendees")[skip : skip + take]
    ]
    pagination = _pagination(counted.count(), take, skip)
    body = {"status": "success", "data": told, "pagination": pagination}
    return Response(200, body)


def bookings_of(user: CalcomUser) -> QuerySet[CalcomBooking]:
    """Return what a user may list; an administrator of a team lists the team's."""
    theirs = Q(host=user) | Q(host__admin=user)
    attended = CalcomBooking.objects.filter(attendees__email=user.email).values("pk")
    return CalcomBooking.objects.filter(theirs | Q(pk__in=attended))


def _parsed(query: dict[str, str]) -> Json:
    wanted: Json = dict(query)
    if "status" in wanted:
        wanted["status"] = [part.strip() for part in query["status"].split(",")]
    if "attendeeEmail" in wanted:
        wanted["attendeeEmail"] = "+".join(query["attendeeEmail"].split())
    for name in _LISTS:
        if name in wanted:
            wanted[name] = [_number(part) for part in query[name].split(",")]
    for name in _NUMBERS:
        if name in wanted:
            wanted[name] = _number(query[name])
    return wanted


def _number(text: str) -> int | None:
    try:
        return int(text)
    except ValueError:
        return None


def _validate(wanted: Json) -> None:
    known = {*SORTS, *SPANS, *UNCOUNTED_SPANS, *_LISTS, *_NUMBERS} | {
        "status",
        "attendeeEmail",
        "attendeeName",
        "bookingUid",
    }
    target = {name: value for name, value in wanted.items() if name in known}
    errors: list[Json] = []

    def complain(name: str, rule: str, text: str) -> None:
        errors.append(violation(target, name, rule, text))

    if not set(wanted.get("status", [])) <= set(STATUSES):
        text = f"Invalid status. Allowed are {', '.join(STATUSES)}"
        complain("status", "isEnum", text)
    for name in _LISTS:
        if None in wanted.get(name, []):
            text = f"each value in {name} must be a number conforming to the specified"
            complain(name, "isNumber", f"{text} constraints")
    for name in ("eventTypeId", "teamId"):
        if wanted.get(name, 0) is None:
            complain(name, "isInt", f"{name} must be an integer number")
    for name, (_, label) in (SPANS | UNCOUNTED_SPANS).items():
        if name in wanted and not check.is_instant(wanted[name]):
            text = f"{label} must be a valid ISO 8601 date."
            complain(name, "isIso8601", text)
    for name, (_, label) in SORTS.items():
        if wanted.get(name, "asc") not in ("asc", "desc"):
            complain(name, "isEnum", f'{label} must be either "asc" or "desc".')
    _check_page(wanted, complain)
    if errors:
        raise Invalid(errors)


def _check_page(wanted: Json, complain: Any) -> None:
    for name, least, most in (("take", 1, MOST_TAKE), ("skip", 0, None)):
        if name not in wanted:
            continue
        value = wanted[name]
        if value is None:
            text = "must be a number conforming to the specified constraints"
            complain(name, "isNumber", f"{name} {text}")
        elif value < least:
            complain(name, "min", f"{name} must not be less than {least}")
        elif most is not None and value > most:
            complain(name, "max", f"{name} must not be greater than {most}")


def _filtered(rows: QuerySet[CalcomBooking], wanted: Json) -> QuerySet[CalcomBooking]:
    if "status" in wanted:
        chosen = Q(pk__in=[])
        for status in wanted["status"]:
            chosen |= _status(status)
        rows = rows.filter(chosen)
    if "attendeeEmail" in wanted:
        rows = rows.filter(
            pk__in=CalcomBooking.objects.filter(
                attendees__email=wanted["attendeeEmail"]
            ).values("pk")
        )
    if "attendeeName" in wanted:
        rows = rows.filter(
            pk__in=CalcomBooking.objects.filter(
                attendees__name=wanted["attendeeName"]
            ).values("pk")
        )
    if "bookingUid" in wanted:
        rows = rows.filter(uid=wanted["bookingUid"])
    if "eventTypeId" in wanted:
        rows = rows.filter(event_type_id=wanted["eventTypeId"])
    if "eventTypeIds" in wanted:
        rows = rows.filter(event_type_id__in=wanted["eventTypeIds"])
    if "teamId" in wanted or "teamsIds" in wanted:
        rows = rows.none()
    for name, (lookup, _) in SPANS.items():
        if name in wanted:
            rows = rows.filter(**{lookup: check.instant(wanted[name])})
    return rows


def _status(status: str) -> Q:
    now = timezone.now()
    is_off = Q(status__in=("cancelled", "rejected"))
    return {
        "upcoming": Q(ends_at__gte=now) & ~is_off,
        "past": Q(ends_at__lte=now) & ~is_off,
        "cancelled": is_off,
        "unconfirmed": Q(ends_at__gte=now, status="pending"),
        "recurring": Q(pk__in=[]),
    }[status]


def _order(wanted: Json) -> list[str]:
    order = [
        column if wanted[name] == "asc" else f"-{column}"
        for name, (column, _) in SORTS.items()
        if name in wanted
    ]
    if not order:
        backwards = wanted.get("status") in (["past"], ["cancelled"])
        order = ["-starts_at"] if backwards else ["starts_at"]
    return [*order, "pk"]


def _pagination(total: int, take: int, skip: int) -> Json:
    returned = max(min(take, total - skip), 0)
    pages = -(-total // take)
    current = skip // take + 1 if total else 0
    return {
        "returnedItems": returned,
        "totalItems": total,
        "itemsPerPage": take,
        "remainingItems": max(total - skip - returned, 0),
        "currentPage": current,
        "totalPages": pages,
        "hasNextPage": current < pages,
        "hasPreviousPage": current > 1,
    }
