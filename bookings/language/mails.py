"""What customers get in writing about an appointment."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from bookings.language.speech import MONTHS, WEEKDAYS, speakable

_SUBJECTS = {
    "booked": "Ihr Termin bei {}",
    "moved": "Ihr Termin bei {} ist verschoben",
    "cancelled": "Ihr Termin bei {} ist abgesagt",
}
_OPENINGS = {
    "booked": "Ihr Termin ist gebucht:",
    "moved": "Ihr Termin ist verschoben. Er findet jetzt statt:",
    "cancelled": "Ihr Termin ist abgesagt:",
}


def confirmation(
    *,
    kind: str,
    company: str,
    branch: str,
    address: str,
    service: str,
    starts_at: datetime,
    zone: ZoneInfo,
    name: str,
) -> tuple[str, str]:
    """Return subject and text of the mail about an appointment.

    :param kind: ``booked``, ``moved`` or ``cancelled``.
    """
    local = starts_at.astimezone(zone)
    day = f"{WEEKDAYS[local.weekday()]}, {local.day}. "
    day += f"{MONTHS[local.month - 1]} {local.year}"
    place = ", ".join(filter(None, (speakable(branch), " ".join(address.split()))))
    subject = _SUBJECTS[kind].format(speakable(company))
    lines = [
        f"Guten Tag {speakable(name)},",
        "",
        _OPENINGS[kind],
        "",
        f"  {speakable(service)}",
        f"  {day}, {local:%H:%M} Uhr",
        f"  {place}",
        "",
        "Der Kalendereintrag hängt an.",
        "",
        speakable(company),
    ]
    return subject, "\n".join(lines)
