"""The shapes in which agents send a question, read into one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from integrations.bodies import json_object, without_nul

#: What agents call our arguments. A name of ours stands for itself.
ALIASES = {
    "datum": "date",
    "appointment_date": "date",
    "new_datum": "date",
    "new_date": "date",
    "preferred_date": "date",
    "datetime": "date",
    "uhrzeit": "time",
    "appointment_time": "time",
    "new_uhrzeit": "time",
    "new_time": "time",
    "preferred_time": "time",
    "dienstleistung": "service",
    "service_name": "service",
    "customer_name": "name",
    "telefonnummer": "phone",
    "phone_number": "phone",
    "customer_phone": "phone",
    "customer_email": "email",
    "mitarbeiter_wunsch": "staff",
    "preferred_staff_id": "staff",
    "grund": "reason",
    "bestaetigung": "confirmed",
}
_ENVELOPES = (("name", "args"), ("function_name", "parameters"), ("tool", "arguments"))


@dataclass(frozen=True)
class Question:
    """A tool's name, its arguments as sent, and the call object if there is one."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict)
    call: dict[str, Any] = field(default_factory=dict)


def read(body: Mapping[str, Any], *, tool: str = "") -> Question:
    """Return the question in a body, in whichever shape it came.

    :param tool: from the address; the body's own name stands back behind it.
    """
    tool = without_nul(tool)
    call = body.get("call")
    call = call if isinstance(call, dict) else {}
    for name_key, arguments_key in _ENVELOPES:
        arguments = _object(body.get(arguments_key))
        if arguments is not None and arguments_key in body:
            return Question(tool or _text(body.get(name_key)), arguments, call)
    names = [_text(body.get(key)) for key, _ in _ENVELOPES]
    name = tool or next(filter(None, names), "")
    envelope = {"call"} if tool else {"call", "name", "function_name", "tool"}
    flat = {key: value for key, value in body.items() if key not in envelope}
    return Question(name, flat, call)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _object(value: Any) -> dict[str, Any] | None:
    if isinstance(value, str):
        return json_object(value or "{}")
    return value if isinstance(value, dict) else None


def canonical(
    sent: Mapping[str, Any],
    known: set[str],
    *,
    aliases: Mapping[str, str] = ALIASES,
) -> tuple[dict[str, Any], int]:
    """Return the arguments under our names, and how many were unknown.

    Empty values and unfilled templates count as missing. Where two spellings of
    one argument come together, ours wins.

    :param aliases: what else an argument may be called.
    """
    arguments: dict[str, Any] = {}
    unknown = 0
    for key, value in sorted(sent.items(), key=lambda item: item[0] in known):
        name = key if key in known else aliases.get(key, key)
        if name not in known:
            unknown += key != "call_id"
        elif not _is_missing(value):
            if key == "datetime" and "date" in arguments:
                continue
            arguments[name] = value
    return arguments, unknown


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip() or "{{" in value or "}}" in value
    return value is None
