"""What Cal.com's framework refuses before it looks at anything: joined texts."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from integrations.sandbox.calcom_errors import Refusal
from integrations.sandbox.exchange import Json

Check = Callable[[Any], bool]
LANGUAGES = (
    "ar",
    "ca",
    "de",
    "es",
    "eu",
    "he",
    "id",
    "ja",
    "lv",
    "pl",
    "ro",
    "sr",
    "th",
    "vi",
    "az",
    "cs",
    "el",
    "es-419",
    "fi",
    "hr",
    "it",
    "km",
    "nl",
    "pt",
    "ru",
    "sv",
    "tr",
    "zh-CN",
    "bg",
    "da",
    "en",
    "et",
    "fr",
    "hu",
    "iw",
    "ko",
    "no",
    "pt-BR",
    "sk",
    "ta",
    "uk",
    "zh-TW",
    "bn",
)
CREATE_MEMBERS = {
    "start",
    "attendee",
    "eventTypeId",
    "eventTypeSlug",
    "username",
    "teamSlug",
    "organizationSlug",
    "guests",
    "meetingUrl",
    "location",
    "metadata",
    "bookingFieldsResponses",
    "lengthInMinutes",
    "recurrenceCount",
    "instant",
    "routing",
    "emailVerificationCode",
    "rrHostSubsetIds",
}
MOVE_MEMBERS = {
    "start",
    "reschedulingReason",
    "rescheduledBy",
    "emailVerificationCode",
    "seatUid",
    "rrHostSubsetIds",
}
CANCEL_MEMBERS = {"cancellationReason", "cancelSubsequentBookings", "seatUid"}
ATTENDEE_MEMBERS = {"name", "email", "timeZone", "phoneNumber", "language"}
METADATA_TEXT = (
    "Metadata must have at most 50 keys, each key up to 40 characters, and string"
    " values up to 500 characters."
)
_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}([T ]\d{2}(:?\d{2}(:?\d{2}([.,]\d+)?)?)?"
    r"(Z|[+-]\d{2}(:?\d{2})?)?)?"
)
_ZONES = available_timezones()


def instant(text: str) -> datetime:
    """Return the instant that a text means; without an offset it is UTC."""
    at = datetime.fromisoformat(text.replace(",", "."))
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def is_instant(value: Any) -> bool:
    """Tell whether a value is a date or an instant in ISO 8601."""
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return False
    try:
        instant(value)
    except ValueError:
        return False
    return True


def is_zone(value: Any) -> bool:
    """Tell whether a value names a time zone."""
    return isinstance(value, str) and value in _ZONES


def zone(name: str) -> ZoneInfo:
    """Return a zone that :func:`is_zone` accepted."""
    return ZoneInfo(name)


def is_integer(value: Any) -> bool:
    """Tell whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def end_of(start: datetime, minutes: int) -> datetime:
    """Return when something of this length ends."""
    return start + timedelta(minutes=minutes)


def wrong(name: str, reasons: str, children: list[str] | None = None) -> str:
    """Return one complaint as the framework writes it."""
    return f"{name} property is wrong,{reasons} {', '.join(children or [])}"


def unknown(body: Json, members: set[str]) -> list[str]:
    """Return complaints about members that do not exist."""
    return [
        wrong(name, f"property {name} should not exist")
        for name in body
        if name not in members
    ]


def refuse(complaints: list[str]) -> None:
    """Refuse where there is something to complain about.

    :raises Refusal: there is.
    """
    if complaints:
        raise Refusal(400, ", ".join(complaints))


def check_create(body: Json) -> None:
    """Refuse a booking whose members are wrong in themselves."""
    complaints = unknown(body, CREATE_MEMBERS)
    complaints += _start(body)
    optional: list[tuple[str, Check, str]] = [
        ("lengthInMinutes", is_integer, "lengthInMinutes must be an integer number"),
        ("eventTypeId", is_integer, "eventTypeId must be an integer number"),
    ]
    complaints += _optional(body, optional)
    complaints += _attendee(body)
    complaints += _optional(
        body,
        [
            ("guests", _is_list, "guests must be an array"),
            ("metadata", _is_object, "metadata must be an object"),
            (
                "bookingFieldsResponses",
                _is_object,
                "bookingFieldsResponses must be an object",
            ),
        ],
    )
    if isinstance(body.get("metadata"), dict) and not _is_metadata(body["metadata"]):
        complaints.append(wrong("metadata", METADATA_TEXT))
    by_slug = body.get("eventTypeSlug") and (
        body.get("username") or body.get("teamSlug")
    )
    if "eventTypeId" not in body and not by_slug:
        complaints.append(
            wrong(
                "eventTypeId or eventTypeSlug + username",
                "Either eventTypeId or eventTypeSlug + username or eventTypeSlug +"
                " teamSlug must be provided",
            )
        )
    refuse(complaints)


def check_move(body: Json) -> None:
    """Refuse a reschedule whose members are wrong in themselves."""
    complaints = unknown(body, MOVE_MEMBERS) + _start(body)
    texts = ("reschedulingReason", "rescheduledBy")
    complaints += _optional(
        body, [(name, _is_text, f"{name} must be a string") for name in texts]
    )
    refuse(complaints)


def check_cancel(body: Json) -> None:
    """Refuse a cancel whose members are wrong in themselves."""
    complaints = unknown(body, CANCEL_MEMBERS)
    reason = ("cancellationReason", _is_text, "cancellationReason must be a string")
    refuse(complaints + _optional(body, [reason]))


def _start(body: Json) -> list[str]:
    if is_instant(body.get("start")):
        return []
    return [wrong("start", "start must be a valid ISO 8601 date string")]


def _attendee(body: Json) -> list[str]:
    attendee = body.get("attendee")
    if attendee is None:
        return [wrong("attendee", "attendee should not be null or undefined")]
    if not isinstance(attendee, dict):
        text = "nested property attendee must be either object or array"
        return [wrong("attendee", text)]
    children = unknown(attendee, ATTENDEE_MEMBERS)
    if not _is_text(attendee.get("name")):
        children.append(wrong("name", "name must be a string"))
    if not is_zone(attendee.get("timeZone")):
        text = "timeZone must be a valid IANA time-zone"
        children.append(wrong("timeZone", text))
    if attendee.get("language") not in (None, *LANGUAGES):
        text = "language must be one of the following values: " + ", ".join(LANGUAGES)
        children.append(wrong("language", text))
    if not attendee.get("email") and not attendee.get("phoneNumber"):
        children.append(
            wrong(
                "attendee email or phone",
                "Attendee must have at least one contact method (email or phone"
                " number)",
            )
        )
    return [wrong("attendee", "", children)] if children else []


def _optional(body: Json, checks: list[tuple[str, Check, str]]) -> list[str]:
    return [
        wrong(name, text)
        for name, check, text in checks
        if body.get(name) is not None and not check(body[name])
    ]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_metadata(metadata: Json) -> bool:
    return len(metadata) <= 50 and all(
        len(name) <= 40 and (not isinstance(value, str) or len(value) <= 500)
        for name, value in metadata.items()
    )
