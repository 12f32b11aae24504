"""What must be asked before a wish can be met."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from bookings.language import speech


def ask_again() -> str:
    """Ask for day and time, because they could not be understood."""
    return (
        "Das habe ich leider nicht verstanden."
        " An welchem Tag und um wie viel Uhr möchten Sie kommen?"
    )


def ask_date() -> str:
    """Ask for the day."""
    return "An welchem Tag möchten Sie kommen?"


def ask_time() -> str:
    """Ask for the time, with the half of the day."""
    return "Um wie viel Uhr möchten Sie kommen, vormittags oder nachmittags?"


def which_day(first: date, second: date) -> str:
    """Ask which of two days is meant."""
    return (
        f"Meinen Sie {speech.day_as_object(first)},"
        f" oder {speech.day_as_object(second)}?"
    )


def contradiction(day: date) -> str:
    """Ask which day is meant, because the weekday does not fit the date."""
    month, weekday = speech.MONTHS[day.month - 1], speech.WEEKDAYS[day.weekday()]
    return f"Der {day.day}. {month} ist ein {weekday}. Welchen Tag meinen Sie?"


def past_day() -> str:
    """Say that a day is over."""
    return "Dieser Tag liegt schon zurück. An welchem Tag möchten Sie kommen?"


def past_time() -> str:
    """Say that a time of today is over."""
    return "Diese Uhrzeit ist heute schon vorbei. Wann möchten Sie kommen?"


def skipped_hour() -> str:
    """Say that the clocks skip this hour."""
    return (
        "Diese Uhrzeit gibt es an dem Tag nicht, weil die Uhr umgestellt wird."
        " Um wie viel Uhr möchten Sie kommen?"
    )


def ask_service(names: Sequence[str]) -> str:
    """Ask which service is wanted."""
    options = speech.named(names)
    return f"Was darf es sein: {options}?" if options else "Worum geht es?"


def ask_staff(names: Sequence[str]) -> str:
    """Ask which person is wanted."""
    options = speech.named(names)
    if not options:
        return "Diese Person finde ich leider nicht. Darf es jemand anderes sein?"
    return f"Zu wem möchten Sie: {options}?"


def ask_name() -> str:
    """Ask for the name."""
    return "Auf welchen Vor- und Nachnamen darf ich den Termin eintragen?"


def ask_phone() -> str:
    """Ask for a number to call back."""
    return "Unter welcher Telefonnummer können wir Sie erreichen?"


def ask_confirmation() -> str:
    """Ask for a yes."""
    return "Soll ich das so für Sie machen?"


def ask_which_appointment(
    starts: Sequence[datetime], zone: ZoneInfo, now: datetime
) -> str:
    """Ask which of several appointments is meant."""
    if not starts:
        return ask_date()
    return f"Welchen Termin meinen Sie: {speech.options(starts, zone, now)}?"


def identity_needed() -> str:
    """Ask for the details that prove whose appointment it is."""
    return (
        "Damit ich den Termin finde, nennen Sie mir bitte den Namen,"
        " den Tag und die Uhrzeit des Termins."
    )
