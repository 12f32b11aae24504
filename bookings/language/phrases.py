"""The sentences that callers hear: formal, short, without technical words.

They carry the conversation on: each says what is so, or asks what is needed next.
None but ``callback_noted`` and ``not_ready`` speaks of calling back: that is said only
after it was stored.
Stored names go through ``speakable``, because what looks like a template is read
out as braces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bookings.language import speech
from bookings.language.mails import confirmation
from bookings.language.questions import (
    ask_again,
    ask_confirmation,
    ask_date,
    ask_name,
    ask_phone,
    ask_service,
    ask_staff,
    ask_time,
    ask_which_appointment,
    contradiction,
    identity_needed,
    past_day,
    past_time,
    skipped_hour,
    which_day,
)
from bookings.language.speech import speakable, when

__all__ = [
    "appointments",
    "ask_again",
    "ask_confirmation",
    "ask_date",
    "ask_name",
    "ask_phone",
    "ask_service",
    "ask_staff",
    "ask_time",
    "ask_which_appointment",
    "booked",
    "callback_noted",
    "cancel_pending",
    "cancelled",
    "closed",
    "confirmation",
    "context",
    "contradiction",
    "customer_known",
    "identity_needed",
    "internal",
    "move_failed",
    "move_pending",
    "moved",
    "not_found",
    "not_permitted",
    "not_ready",
    "noted",
    "nothing_free",
    "offer",
    "opening_hours",
    "past",
    "past_day",
    "past_time",
    "pending",
    "rate_limited",
    "read_back",
    "services",
    "skipped_hour",
    "staff_not_bookable",
    "still_under_way",
    "taken",
    "today_text",
    "too_far",
    "too_late_to_change",
    "too_soon",
    "unknown_number",
    "unknown_tool",
    "upstream_unavailable",
    "when",
    "which_day",
]


def today_text(now: datetime, zone: ZoneInfo) -> str:
    """Return day and time for the agent: ``Mittwoch, 25. November 2026, 12 Uhr 04``."""
    local = now.astimezone(zone)
    weekday, month = speech.WEEKDAYS[local.weekday()], speech.MONTHS[local.month - 1]
    clock = f"{local.hour} Uhr {local.minute:02}"
    return f"{weekday}, {local.day}. {month} {local.year}, {clock}"


def context(now: datetime, zone: ZoneInfo, company: str) -> str:
    """Say day, time and company."""
    local = now.astimezone(zone)
    text = f"Heute ist {speech.day_as_object(local.date()).replace(', den', ', der')}"
    text += f", es ist {speech.clock(local.time())}."
    name = speakable(company)
    return f"{text} Sie sprechen mit {name}." if name else text


# What is free, and what has become of a wish


def offer(starts: Sequence[datetime], zone: ZoneInfo, now: datetime) -> str:
    """Offer up to three times."""
    if not starts:
        return nothing_free(None, zone=zone, now=now)
    if len(starts) == 1:
        return f"Frei ist {when(starts[0], zone, now)}. Passt Ihnen das?"
    return f"Frei ist {speech.options(starts, zone, now)}. Was passt Ihnen?"


def taken(
    wished: datetime | None,
    alternatives: Sequence[datetime],
    zone: ZoneInfo,
    now: datetime,
) -> str:
    """Say that a time is gone, and what is free instead."""
    start = "Dieser Termin ist leider nicht frei."
    if wished is not None:
        at = when(wished, zone, now)
        start = f"{at[0].upper()}{at[1:]} ist leider nichts frei."
    if not alternatives:
        return f"{start} Möchten Sie einen anderen Tag nennen?"
    return f"{start} {offer(alternatives, zone, now)}"


def nothing_free(day: date | None, zone: ZoneInfo, now: datetime) -> str:
    """Say that there is no free time."""
    if day is None:
        return "In dieser Zeit ist leider nichts frei. Welcher andere Tag passt Ihnen?"
    spoken = speech.on_day(day, today=now.astimezone(zone).date())
    comma = "" if spoken == "heute" else ","
    return (
        f"{spoken[0].upper()}{spoken[1:]}{comma} und in der Zeit danach ist leider"
        " nichts frei. Welcher andere Tag passt Ihnen?"
    )


def closed(day: date, starts: Sequence[datetime], zone: ZoneInfo, now: datetime) -> str:
    """Say that the branch is closed on a day, and what is free instead."""
    spoken = speech.on_day(day, today=now.astimezone(zone).date())
    comma = "" if spoken == "heute" else ","
    start = f"{spoken[0].upper()}{spoken[1:]}{comma} ist geschlossen."
    more = offer(starts, zone, now) if starts else "Welcher andere Tag passt Ihnen?"
    return f"{start} {more}"


def booked(at: str) -> str:
    """Say that an appointment is booked."""
    return f"Ihr Termin ist gebucht: {at}. Kann ich sonst noch etwas für Sie tun?"


def moved(at: str) -> str:
    """Say that an appointment has moved."""
    return f"Ihr Termin ist verschoben. Er ist jetzt {at}."


def cancelled(at: str) -> str:
    """Say that an appointment is cancelled."""
    return f"Ihr Termin {at} ist abgesagt."


def pending(at: str) -> str:
    """Say that a booking is being made."""
    return f"Ich trage das gerade ein: {at}. Einen kleinen Moment bitte."


def move_pending(at: str) -> str:
    """Say that a move is being made; the old time stands until then."""
    return (
        f"Ich trage die Verschiebung gerade ein: {at}."
        " Bis das sicher ist, bleibt Ihr bisheriger Termin bestehen."
    )


def cancel_pending(at: str) -> str:
    """Say that a cancellation is being made."""
    return f"Ich trage die Absage gerade ein: {at}. Einen kleinen Moment bitte."


def noted(at: str) -> str:
    """Say that a wish is written down and will be dealt with; nothing is sure yet."""
    return (
        f"Ich habe Ihren Wunsch vorgemerkt: {at}."
        " Sie bekommen Bescheid, sobald der Termin bestätigt ist."
    )


def move_failed(at: str) -> str:
    """Say that a move did not work."""
    return (
        f"Die Verschiebung hat leider nicht geklappt. Ihr Termin bleibt {at}."
        " Soll ich nach einer anderen Zeit suchen?"
    )


def still_under_way() -> str:
    """Say that something else is still being done with the appointment."""
    return (
        "An diesem Termin wird gerade noch etwas geändert."
        " Bitte fragen Sie mich gleich noch einmal."
    )


# What does not go


def not_found() -> str:
    """Say that no such appointment was found; tells nothing about anybody's."""
    return (
        "Dazu finde ich leider keinen Termin."
        " Bitte nennen Sie mir noch einmal Namen, Tag und Uhrzeit."
    )


def not_permitted() -> str:
    """Say that this can't be done on the telephone."""
    return "Das darf ich am Telefon leider nicht. Kann ich Ihnen sonst weiterhelfen?"


def past() -> str:
    """Say that a start is over."""
    return "Dieser Zeitpunkt liegt schon zurück. Wann möchten Sie kommen?"


def too_soon(minutes: int) -> str:
    """Say that a start comes before the minimum notice."""
    return (
        "Das ist leider zu kurzfristig: Termine brauchen einen Vorlauf von mindestens"
        f" {_dative(minutes)}. Wann passt es Ihnen später?"
    )


def too_far(days: int) -> str:
    """Say that a day is beyond the booking window."""
    return (
        "So weit im Voraus kann ich leider nichts eintragen, höchstens"
        f" {speech.duration(days * 1440)}. Welcher frühere Tag passt Ihnen?"
    )


def too_late_to_change(minutes: int) -> str:
    """Say that an appointment can't be changed any more."""
    return (
        f"Das geht leider nur bis {speech.duration(minutes)} vor dem Termin."
        " Kann ich Ihnen sonst weiterhelfen?"
    )


def _dative(minutes: int) -> str:
    spoken = re.sub("^eine ", "einer ", speech.duration(minutes))
    return f"{spoken}n" if spoken.endswith("Tage") else spoken


def staff_not_bookable(name: str) -> str:
    """Say that a person can't be booked for a service."""
    who = speakable(name) or "Diese Person"
    return f"{who} bietet das leider nicht an. Darf es jemand anderes sein?"


def not_ready(company: str, *, has_number: bool) -> str:
    """Say that a branch can't take appointments by telephone yet.

    :param has_number: whether the caller can be called back; else it is asked for.
    """
    who = speakable(company)
    place = f"Bei {who}" if who else "Hier"
    start = f"{place} kann ich im Moment leider noch keine Termine eintragen."
    if not has_number:
        return f"{start} {ask_phone()}"
    return f"{start} Ich habe Ihren Anruf notiert, man meldet sich bei Ihnen."


def unknown_number() -> str:
    """Say that we don't know for whom the caller calls."""
    return (
        "Unter dieser Nummer kann ich Ihnen leider nicht weiterhelfen."
        " Bitte rufen Sie das Geschäft direkt an."
    )


def upstream_unavailable() -> str:
    """Say that the calendar can't be seen right now."""
    return (
        "Ich kann den Kalender gerade leider nicht einsehen."
        " Bitte fragen Sie mich gleich noch einmal."
    )


def internal() -> str:
    """Say that something went wrong with us."""
    return (
        "Da ist bei mir leider etwas schiefgegangen."
        " Bitte sagen Sie mir noch einmal, was Sie möchten."
    )


def unknown_tool() -> str:
    """Say that we can't do this."""
    return (
        "Das kann ich leider nicht."
        " Ich kann Termine eintragen, verschieben oder absagen. Was möchten Sie?"
    )


def rate_limited() -> str:
    """Say that there is too much at once."""
    return (
        "Das geht mir gerade etwas zu schnell. Bitte sagen Sie es gleich noch einmal."
    )


def callback_noted(by: datetime | None = None, zone: ZoneInfo | None = None) -> str:
    """Say that a call back is noted; only after it was stored."""
    if by is None or zone is None:
        return "Ich habe einen Rückruf für Sie notiert. Man meldet sich bei Ihnen."
    local = by.astimezone(zone)
    return (
        f"Ich habe einen Rückruf für Sie notiert. Man meldet sich bis"
        f" {speech.clock(local.time())} bei Ihnen."
    )


# What is known


def appointments(starts: Sequence[datetime], zone: ZoneInfo, now: datetime) -> str:
    """Name the caller's next appointments."""
    if not starts:
        return not_found()
    if len(starts) == 1:
        return f"Ihr nächster Termin ist {when(starts[0], zone, now)}."
    spoken = speech.options(starts, zone, now).replace(" oder ", " und ")
    more = " Danach gibt es noch weitere." if len(starts) > speech.MOST else ""
    return f"Ihre nächsten Termine: {spoken}.{more}"


def customer_known(
    name: str, starts_at: datetime | None, zone: ZoneInfo, now: datetime
) -> str:
    """Greet a caller as far as the number is known."""
    who = speakable(name)
    greeting = f"Guten Tag, {who}." if who else "Guten Tag."
    if starts_at is not None:
        return f"{greeting} {appointments([starts_at], zone, now)}"
    return f"{greeting} Was kann ich für Sie tun?"


def services(names: Sequence[str]) -> str:
    """Name what can be booked."""
    if not names:
        return "Im Moment kann ich leider nichts eintragen."
    return f"Wir bieten an: {speech.named(names, 'und')}. Was darf es sein?"


def opening_hours(hours: Mapping[str, Sequence[str]]) -> str:
    """Say when a branch is open."""
    spoken = speech.weekly_hours(hours)
    if not spoken:
        return "Die Öffnungszeiten richten sich nach den freien Terminen."
    return f"Geöffnet ist {spoken}."


def read_back(
    day: date | None,
    day_to: date | None,
    clock: time | None,
    window: tuple[time | None, time | None] = (None, None),
) -> str:
    """Repeat what was understood of a wish; empty where nothing was."""
    parts = []
    if day is not None:
        parts.append(f"am {speech.day(day)}")
        if day_to is not None and day_to - day > timedelta():
            parts = [f"von {speech.day(day)}, bis {speech.day(day_to)}"]
    if clock is not None:
        parts.append(f"um {speech.clock(clock)}")
    begin, end = window
    if begin is not None and end is not None:
        parts.append(f"zwischen {speech.clock(begin)} und {speech.clock(end)}")
    elif begin is not None:
        parts.append(f"ab {speech.clock(begin)}")
    elif end is not None:
        parts.append(f"bis {speech.clock(end)}")
    spoken = ", ".join(parts)
    return f"{spoken[0].upper()}{spoken[1:]}." if spoken else ""
