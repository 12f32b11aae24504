"""Event types and schedules: what can be booked, and when."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django.db import IntegrityError, transaction

from integrations.sandbox.calcom_errors import Refusal
from integrations.sandbox.calcom_routes import Call
from integrations.sandbox.exchange import Json, Response
from integrations.sandbox.models import CalcomEventType, CalcomSchedule, CalcomUser

BOOKER_URL = "http://127.0.0.1:3000"
#: In the order of the answer; what an event type sets itself replaces them.
_BEFORE_USERS: Json = {
    "recurrence": None,
    "disableGuests": False,
    "slotInterval": None,
    "minimumBookingNotice": 120,
    "beforeEventBuffer": 0,
    "afterEventBuffer": 0,
    "metadata": {},
    "price": 0,
    "currency": "usd",
    "lockTimeZoneToggleOnBookingPage": False,
    "forwardParamsSuccessRedirect": True,
    "successRedirectUrl": None,
    "isInstantEvent": False,
}
_AFTER_USERS: Json = {
    "scheduleId": None,
    "onlyShowFirstAvailableSlot": False,
    "offsetStart": 0,
    "bookingWindow": {"disabled": True},
    "confirmationPolicy": {"disabled": True},
    "requiresBookerEmailVerification": False,
    "hideCalendarNotes": False,
    "seats": {"disabled": True},
    "useDestinationCalendarEmail": False,
    "hideCalendarEventDetails": False,
    "hideOrganizerEmail": False,
    "calVideoSettings": {"sendTranscriptionEmails": True},
    "hidden": False,
    "bookingRequiresAuthentication": False,
    "bookerActiveBookingsLimit": {"disabled": True},
    "bookingUrl": "",
    "disableCancelling": {"disabled": False},
    "disableRescheduling": {"disabled": False},
    "interfaceLanguage": None,
    "allowReschedulingPastBookings": False,
    "allowReschedulingCancelledBookings": False,
    "showOptimizedSlots": False,
}
_EXTRA = ("lengthInMinutesOptions", "bookingLimitsCount", "bookingLimitsDuration")
_SETTABLE = {*_BEFORE_USERS, *_AFTER_USERS, *_EXTRA, "description", "locations"}
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


def default_fields() -> list[Json]:
    """Return the fields of an event type that nobody changed."""
    shown = {"disableOnPrefill": False, "hidden": False}
    return [
        _field("name", "name", True, label="your_name", disableOnPrefill=False),
        _field("email", "email", True, **shown),
        _field("radioInput", "location", False, hidden=False),
        _field("text", "title", True, disableOnPrefill=False, hidden=True),
        _field("textarea", "notes", False, **shown),
        _field("multiemail", "guests", False, **shown),
        _field("textarea", "rescheduleReason", False, **shown),
    ]


def phone_only_fields() -> list[Json]:
    """Return fields with which a telephone number is enough."""
    fields = default_fields()
    fields[1]["required"] = False
    phone = _field("phone", "attendeePhoneNumber", False, disableOnPrefill=False)
    return [*fields, phone | {"hidden": False}]


def setting(event_type: CalcomEventType, name: str) -> Any:
    """Return a member as the event type has it, or as all start."""
    return (_BEFORE_USERS | _AFTER_USERS | event_type.settings).get(name)


def seats_of(event_type: CalcomEventType) -> int:
    """Return how many may come to one booking; 0 for an ordinary event type."""
    return int((setting(event_type, "seats") or {}).get("seatsPerTimeSlot") or 0)


def needs_confirmation(event_type: CalcomEventType) -> bool:
    """Tell whether a booking starts as pending."""
    return bool((setting(event_type, "confirmationPolicy") or {}).get("type"))


def field(event_type: CalcomEventType, slug: str) -> Json | None:
    """Return one of its booking fields."""
    for candidate in event_type.booking_fields:
        if candidate["slug"] == slug:
            return dict(candidate)
    return None


def to_json(event_type: CalcomEventType, *, is_listed: bool = False) -> Json:
    """Return the object; a list leaves out the fields that are hidden."""
    owner = event_type.owner
    fields = event_type.booking_fields
    if is_listed:
        fields = [entry for entry in fields if not entry.get("hidden")]
    body: Json = {
        "id": event_type.pk,
        "ownerId": owner.pk,
        "lengthInMinutes": event_type.length_min,
        "title": event_type.title,
        "slug": event_type.slug,
        "description": "",
        "locations": [],
        "bookingFields": fields,
        **_BEFORE_USERS,
        "users": [_user(owner)],
        **_AFTER_USERS,
        "bookingUrl": f"{BOOKER_URL}/{owner.username}/{event_type.slug}",
    }
    body |= event_type.settings
    options = body.get("lengthInMinutesOptions")
    if options:
        body["metadata"] = body["metadata"] | {"multipleDuration": options}
    return body


def list_event_types(call: Call) -> Response:
    """Answer one's own, hidden ones too; or what somebody shows in public."""
    listed = [to_json(row, is_listed=True) for row in visible(call)]
    return Response(200, {"status": "success", "data": listed})


def visible(call: Call) -> list[CalcomEventType]:
    """Return the event types that a list shows to its caller."""
    username, slug = call.query.get("username"), call.query.get("eventSlug")
    found = CalcomEventType.objects.select_related("owner").order_by("pk")
    if username:
        found = found.filter(owner__username=username)
    elif call.user is None:
        found = found.none()
    else:
        found = found.filter(owner=call.user)
    if slug:
        found = found.filter(slug=slug)
    return [
        row
        for row in found
        if row.owner.is_reached_by(call.user) or not setting(row, "hidden")
    ]


def get_event_type(call: Call) -> Response:
    """Answer one of one's own."""
    return Response(200, {"status": "success", "data": to_json(own(call))})


def own(call: Call) -> CalcomEventType:
    """Return the event type that the path names.

    :raises Refusal: the caller's key does not reach one.
    """
    number = int(call.ids[0])
    rows = CalcomEventType.objects.select_related("owner")
    found = rows.filter(pk=number).first()
    if found is None or not found.owner.is_reached_by(call.user):
        raise Refusal(404, f"Event type with id {number} not found")
    return found


def create_event_type(call: Call) -> Response:
    """Make an event type of one's own."""
    assert call.user is not None
    wanted = call.body
    for name in ("lengthInMinutes", "title", "slug"):
        if name not in wanted:
            rule = (
                "must be a number" if name == "lengthInMinutes" else "must be a string"
            )
            raise Refusal(400, f"{name} property is wrong,{name} {rule} ")
    event_type = CalcomEventType(
        owner=call.user,
        title=wanted["title"],
        slug=wanted["slug"],
        length_min=wanted["lengthInMinutes"],
        booking_fields=_merged_fields(wanted.get("bookingFields") or []),
        settings=_settings(wanted),
    )
    try:
        with transaction.atomic():
            event_type.save()
    except IntegrityError as error:
        raise Refusal(400, "User already has an event type with this slug.") from error
    return Response(201, {"status": "success", "data": to_json(event_type)})


def change_event_type(call: Call) -> Response:
    """Change the members that the body names."""
    event_type = own(call)
    wanted = call.body
    event_type.settings = event_type.settings | _settings(wanted)
    event_type.title = wanted.get("title", event_type.title)
    event_type.slug = wanted.get("slug", event_type.slug)
    event_type.length_min = wanted.get("lengthInMinutes", event_type.length_min)
    if "bookingFields" in wanted:
        event_type.booking_fields = _merged_fields(wanted["bookingFields"])
    event_type.save()
    return Response(200, {"status": "success", "data": to_json(event_type)})


def delete_event_type(call: Call) -> Response:
    """Delete one of one's own."""
    event_type = own(call)
    told = {
        "id": event_type.pk,
        "lengthInMinutes": event_type.length_min,
        "title": event_type.title,
        "slug": event_type.slug,
    }
    event_type.delete()
    return Response(200, {"status": "success", "data": told})


def list_schedules(call: Call) -> Response:
    """Answer one's own working hours."""
    rows = CalcomSchedule.objects.filter(owner=call.user).order_by("pk")
    told = [schedule_json(row) for row in rows]
    return Response(200, {"status": "success", "data": told})


def default_schedule(call: Call) -> Response:
    """Answer the hours that hold where an event type names none, or null."""
    found = CalcomSchedule.objects.filter(owner=call.user, is_default=True).first()
    told = None if found is None else schedule_json(found)
    return Response(200, {"status": "success", "data": told})


def get_schedule(call: Call) -> Response:
    """Answer one of one's own schedules."""
    found = CalcomSchedule.objects.filter(owner=call.user, pk=call.ids[0]).first()
    if found is None:
        raise Refusal(404, f"Schedule with ID={call.ids[0]} does not exist.")
    return Response(200, {"status": "success", "data": schedule_json(found)})


def create_schedule(call: Call) -> Response:
    """Make a schedule; Monday to Friday, nine to five, where no hours are named."""
    assert call.user is not None
    usual = [{"days": _DAYS, "startTime": "09:00", "endTime": "17:00"}]
    if call.body.get("isDefault"):
        CalcomSchedule.objects.filter(owner=call.user).update(is_default=False)
    made = CalcomSchedule.objects.create(
        owner=call.user,
        name=call.body.get("name", "Working Hours"),
        time_zone=call.body.get("timeZone", call.user.time_zone),
        availability=call.body.get("availability") or usual,
        overrides=call.body.get("overrides") or [],
        is_default=bool(call.body.get("isDefault")),
    )
    return Response(201, {"status": "success", "data": schedule_json(made)})


def schedule_json(schedule: CalcomSchedule) -> Json:
    """Return the object."""
    return {
        "id": schedule.pk,
        "ownerId": schedule.owner_id,
        "name": schedule.name,
        "timeZone": schedule.time_zone,
        "availability": schedule.availability,
        "isDefault": schedule.is_default,
        "overrides": schedule.overrides,
    }


def _field(kind: str, slug: str, is_required: bool, **more: Any) -> Json:
    entry = {"isDefault": True, "type": kind, "slug": slug, "required": is_required}
    return entry | more


def _user(owner: CalcomUser) -> Json:
    return {
        "id": owner.pk,
        "name": owner.name,
        "username": owner.username,
        "avatarUrl": None,
        "brandColor": None,
        "darkBrandColor": None,
        "weekStart": "Monday",
        "metadata": {},
    }


def _settings(wanted: Json) -> Json:
    chosen = {name: value for name, value in wanted.items() if name in _SETTABLE}
    seats = chosen.get("seats")
    if seats and seats.get("seatsPerTimeSlot"):
        chosen["seats"] = {"disabled": False, **seats}
    rescheduling = chosen.get("disableRescheduling")
    if rescheduling is not None:
        chosen["disableRescheduling"] = {"disabled": False, **rescheduling}
    return deepcopy(chosen)


def _merged_fields(wanted: list[Json]) -> list[Json]:
    """Return the default fields, changed and joined by those that were asked for."""
    fields = default_fields()
    known = {entry["slug"]: entry for entry in fields}
    added: list[Json] = []
    for entry in wanted:
        slug = entry.get("slug") or entry["type"]
        if slug == "email" and not (
            entry.get("required", True) and not entry.get("hidden")
        ):
            raise Refusal(
                400,
                "checkIsEmailUserAccessible - Email booking field must be required"
                " and visible",
            )
        if slug in known:
            known[slug].update({k: v for k, v in entry.items() if k != "slug"})
            continue
        is_default = slug == "attendeePhoneNumber"
        added.append(
            {"isDefault": is_default, "type": entry["type"], "slug": slug}
            | {k: v for k, v in entry.items() if k in ("label", "required")}
            | {"placeholder": entry.get("placeholder", ""), "disableOnPrefill": False}
            | ({"options": entry["options"]} if "options" in entry else {})
            | {"hidden": entry.get("hidden", False)}
        )
    return [*fields[:3], *added, *fields[3:]]
