"""Weekly opening hours as they are stored: ``{"mon": ["09:00-12:30"]}``."""

from __future__ import annotations

from datetime import time
from functools import lru_cache

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@lru_cache(maxsize=1024)
def interval(text: str) -> tuple[time, time]:
    """Return begin and end; ``24:00`` is the day's last minute.

    :raises ValueError: it has another form.
    """
    begin, end = text.split("-")
    last = "23:59" if end.strip() == "24:00" else end.strip()
    return time.fromisoformat(begin.strip()), time.fromisoformat(last)


def validate(opening_hours: object) -> None:
    """Refuse opening hours that can't be read.

    :raises ValueError: names the day and the form that is understood.
    """
    if not isinstance(opening_hours, dict):
        raise ValueError('Write {"mon": ["09:00-19:00"]}.')
    for day, texts in opening_hours.items():
        if day not in DAYS or not isinstance(texts, list):
            raise ValueError(f"Unknown day {day!r}: use {', '.join(DAYS)}.")
        for text in texts:
            try:
                begin, end = interval(text)
            except (ValueError, AttributeError) as error:
                raise ValueError(f"{day}: write 09:00-19:00, not {text!r}.") from error
            if begin >= end:
                raise ValueError(f"{day}: {text} ends before it begins.")
