"""What the booker answered, checked against the event type's fields."""

from __future__ import annotations

import re
from typing import Any

from integrations.sandbox.calcom_errors import Coded, Refusal
from integrations.sandbox.calcom_event_types import field, setting
from integrations.sandbox.exchange import Json
from integrations.sandbox.models import CalcomEventType

INVENTED_DOMAIN = "sms.cal.com"
_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"\+[1-9]\d{6,14}")
#: Field type: what it takes, as the refusal names it.
_TYPES: dict[str, tuple[str, tuple[type, ...]]] = {
    "phone": ("string", (str,)),
    "address": ("string", (str,)),
    "text": ("string", (str,)),
    "textarea": ("string", (str,)),
    "url": ("string", (str,)),
    "date": ("string", (str,)),
    "number": ("number", (int, float)),
    "boolean": ("boolean", (bool,)),
    "select": ("string or number", (str, int, float)),
    "radio": ("string or number", (str, int, float)),
    "multiemail": ("array", (list,)),
    "multiselect": ("array", (list,)),
    "checkbox": ("array", (list,)),
}
_LOCATION_VALUES = {
    "address": "inPerson",
    "attendeeAddress": "attendeeInPerson",
    "link": "link",
    "phone": "userPhone",
    "organizersDefaultApp": "conferencing",
    "attendeePhone": "phone",
    "attendeeDefined": "somewhereElse",
    "integration": "integrations:daily",
}


def check_custom(event_type: CalcomEventType, body: Json) -> None:
    """Refuse answers to the event type's own fields that are missing or wrong.

    :raises Refusal: the first that is.
    """
    answers = body.get("bookingFieldsResponses") or {}
    for entry in event_type.booking_fields:
        slug = entry["slug"]
        if entry["isDefault"]:
            continue
        if entry.get("required") and answers.get(slug) is None:
            raise Refusal(
                400,
                f"Missing required booking field response: {slug} - it is required by"
                " the event type booking fields, but missing in the"
                " bookingFieldsResponses. You can fetch the event type with ID"
                f" {event_type.pk} to see the required fields.",
            )
        if slug in answers:
            _check_type(entry, answers[slug])


def _check_type(entry: Json, value: Any) -> None:
    expected, kinds = _TYPES.get(entry["type"], ("", (object,)))
    is_valid = isinstance(value, kinds) and (
        entry["type"] == "boolean" or not isinstance(value, bool)
    )
    if not is_valid:
        raise Refusal(
            400,
            f"Invalid type for booking field '{entry['slug']}'. Expected type"
            f" {expected} (compatible with field type '{entry['type']}'), but received"
            f" {_kind_of(value)}.",
        )
    options = entry.get("options") or []
    listed = ", ".join(options)
    if not options:
        return
    if isinstance(value, list):
        if not all(str(one) in options for one in value):
            raise Refusal(
                400,
                f"One or more invalid options for booking field '{entry['slug']}'."
                f" Allowed options are: {listed}.",
            )
    elif str(value) not in options:
        raise Refusal(
            400,
            f"Invalid option '{value}' for booking field '{entry['slug']}'. Allowed"
            f" options are: {listed}.",
        )


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return "object" if isinstance(value, (dict, list)) else "string"


def answered(event_type: CalcomEventType, body: Json) -> Json:
    """Return what is kept of the answers; where only a number came, with an address.

    :raises Coded: the booking core misses something or cannot read it.
    """
    attendee = body["attendee"]
    given = body.get("bookingFieldsResponses") or {}
    answers: Json = {"name": attendee["name"]}
    email, phone = attendee.get("email") or "", attendee.get("phoneNumber") or ""
    faults = [] if attendee["name"].strip() else ["{name}error_required_field"]
    faults += _email_faults(event_type, email)
    faults += _phone_faults(event_type, phone)
    for entry in event_type.booking_fields:
        value = given.get(entry["slug"])
        if entry["type"] == "number" and value is not None:
            faults.append(f"{{{entry['slug']}}}Invalid string")
        if _is_owed(entry) and not value:
            faults.append(f"{{{entry['slug']}}}error_required_field")
    problems = [f"responses - {fault}, " for fault in faults]
    problems += [
        f"metadata.{name} - Expected string, received {_kind_of(value)}, "
        for name, value in (body.get("metadata") or {}).items()
        if not isinstance(value, str)
    ]
    if problems:
        raise Coded("BAD_REQUEST", "".join(problems))
    if not email or (field(event_type, "email") or {}).get("hidden"):
        email = f"{re.sub('[^0-9]', '', phone)}@{INVENTED_DOMAIN}" if phone else email
    answers["email"] = email
    if phone:
        answers["attendeePhoneNumber"] = phone
    answers |= {slug: value for slug, value in given.items() if value is not None}
    if body.get("guests"):
        answers["guests"] = body["guests"]
    return answers


def _is_owed(entry: Json) -> bool:
    return bool(
        entry["isDefault"]
        and entry.get("required")
        and not entry.get("hidden")
        and entry["slug"] in ("title", "notes")
    )


def _email_faults(event_type: CalcomEventType, email: str) -> list[str]:
    rule = field(event_type, "email") or {}
    if not email:
        return ["{email}error_required_field"] if rule.get("required") else []
    return [] if _EMAIL.fullmatch(email) else ["{email}email_validation_error"]


def _phone_faults(event_type: CalcomEventType, phone: str) -> list[str]:
    rule = field(event_type, "attendeePhoneNumber")
    if rule is None or rule.get("hidden"):
        return []
    if not phone:
        is_owed = rule.get("required")
        return ["{attendeePhoneNumber}error_required_field"] if is_owed else []
    return [] if _PHONE.fullmatch(phone) else ["{attendeePhoneNumber}invalid_number"]


def located(event_type: CalcomEventType, body: Json) -> tuple[str, Json]:
    """Return where it takes place, and the answer that is kept of it.

    :raises Refusal: the event type has no such location.
    """
    offered = setting(event_type, "locations") or []
    wanted = body.get("location")
    if isinstance(wanted, str):
        return wanted, {"location": {"value": "somewhereElse", "optionValue": wanted}}
    if not wanted:
        return _place(offered[0] if offered else {}, {}), {}
    types = [place["type"] for place in offered]
    kind = wanted.get("type")
    if kind not in types:
        listed = ", ".join(types)
        raise Refusal(
            400,
            f"Booking location with type {kind} not valid for event type with"
            f" id={event_type.pk}. The event type has following location types:"
            f" {listed}, and only these types are allowed for booking location.",
        )
    place = _place(offered[types.index(kind)], wanted)
    own = wanted.get("phone") or wanted.get("address") or wanted.get("location")
    answer = {"value": _LOCATION_VALUES.get(kind, kind), "optionValue": own or ""}
    return place, {"location": answer}


def _place(offered: Json, wanted: Json) -> str:
    for source in (wanted, offered):
        for name in ("address", "link", "phone", "location"):
            if source.get(name):
                return str(source[name])
    return str(offered.get("integration", ""))
