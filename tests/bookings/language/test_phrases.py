import inspect
import re
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.language import phrases, speech
from tests.bookings.language.moments import BERLIN, NOW

_AT = datetime(2026, 11, 30, 13, 0, tzinfo=UTC)
_STARTS = [_AT, _AT + timedelta(minutes=90), _AT + timedelta(days=1)]
_HOURS = {
    "mon": ["09:00-12:30", "14:00-18:00"],
    "tue": ["09:00-19:00"],
    "wed": ["09:00-19:00"],
    "thu": ["09:00-19:00"],
    "sat": ["10:00-14:00"],
}
#: What each parameter of a sentence may be given.
_VALUES = {
    "at": "am Montag, dem 30. November, um 14 Uhr",
    "by": _AT,
    "now": NOW,
    "zone": BERLIN,
    "starts_at": _AT,
    "starts": _STARTS,
    "wished": _AT,
    "alternatives": _STARTS,
    "names": ["Herrenhaarschnitt", "{{Schnitt}}"],
    "name": "Anna {{Müller}}",
    "company": "Salon {{name}}",
    "minutes": 1314,
    "days": 60,
    "hours": _HOURS,
    "first": date(2026, 11, 27),
    "second": date(2026, 12, 4),
    "window": (time(14), time(16, 30)),
    "day_to": None,
    "clock": time(14),
    "has_number": True,
}
_NOT_SPOKEN = {"today_text", "confirmation"}


def _values(function):
    names = inspect.signature(function).parameters
    day = {"day": date(2026, 11, 30)}
    return {name: (_VALUES | day)[name] for name in names}


@pytest.mark.parametrize("name", sorted(set(phrases.__all__) - _NOT_SPOKEN))
def test_sentence_can_be_spoken(name):
    function = getattr(phrases, name)

    said = function(**_values(function))

    assert said
    assert not re.search(r"[{}<>\[\]_@/]", said)
    assert not re.search(r"\d[.,:]\d", said)
    assert not re.search(r"\b(19|20)\d\d\b", said)
    assert not re.search(r"(?i)\b(api|error|fehler|http|null|none|slot|id)\b", said)
    if name != "when":
        assert said[0].isupper()
        assert said[-1] in ".?"


@pytest.mark.parametrize(
    "name", sorted(set(phrases.__all__) - _NOT_SPOKEN - {"callback_noted", "not_ready"})
)
def test_no_other_sentence_speaks_of_calling_back(name):
    function = getattr(phrases, name)

    said = function(**_values(function))

    assert not re.search(r"(?i)rückruf|zurückruf|meldet sich", said)


def test_moment_is_weekday_day_month_and_time():
    assert phrases.when(_AT, BERLIN, NOW) == "am Montag, dem 30. November, um 14 Uhr"


def test_near_moments_are_named():
    today, tomorrow = NOW.replace(hour=14, minute=30), NOW + timedelta(days=1)

    assert phrases.when(today, BERLIN, NOW) == "heute um 14 Uhr 30"
    assert phrases.when(tomorrow, BERLIN, NOW) == (
        "morgen, Donnerstag, den 26. November, um 8 Uhr"
    )


def test_offer_names_each_day_once():
    assert phrases.offer(_STARTS, BERLIN, NOW) == (
        "Frei ist am Montag, dem 30. November, um 14 Uhr, um 15 Uhr 30 oder"
        " am Dienstag, dem 1. Dezember, um 14 Uhr. Was passt Ihnen?"
    )


def test_offer_names_three_times_at_most():
    many = [_AT + timedelta(hours=hour) for hour in range(6)]

    assert phrases.offer(many, BERLIN, NOW).count(" Uhr") == 3


def test_taken_names_what_is_free_instead():
    said = phrases.taken(_AT, _STARTS[1:2], zone=BERLIN, now=NOW)

    assert said == (
        "Am Montag, dem 30. November, um 14 Uhr ist leider nichts frei. Frei ist am"
        " Montag, dem 30. November, um 15 Uhr 30. Passt Ihnen das?"
    )


@pytest.mark.parametrize("sentence", [phrases.noted, phrases.pending])
def test_what_is_not_sure_is_never_called_booked(sentence):
    assert "gebucht" not in sentence(_VALUES["at"])


def test_notice_is_said_in_rounded_words():
    assert "22 Stunden" in phrases.too_late_to_change(1314)
    assert "mindestens 60 Minuten" in phrases.too_soon(60)
    assert "mindestens einer Minute" in phrases.too_soon(1)
    assert "3 Tagen" in phrases.too_soon(3 * 1440)


def test_days_with_the_same_hours_are_said_together():
    assert phrases.opening_hours(_HOURS) == (
        "Geöffnet ist Montag von 9 Uhr bis 12 Uhr 30 und von 14 Uhr bis 18 Uhr;"
        " Dienstag bis Donnerstag von 9 Uhr bis 19 Uhr;"
        " Samstag von 10 Uhr bis 14 Uhr."
    )


def test_today_is_written_with_its_year_for_the_agent():
    now = NOW.replace(hour=12, minute=4)

    assert phrases.today_text(now, BERLIN) == "Mittwoch, 25. November 2026, 12 Uhr 04"


def test_wish_is_read_back():
    said = phrases.read_back(date(2026, 11, 30), date(2026, 11, 30), time(14))

    assert said == "Am Montag, dem 30. November, um 14 Uhr."
    assert phrases.read_back(None, None, None) == ""


def test_confirmation_names_what_was_agreed():
    subject, text = phrases.confirmation(
        kind="moved",
        company="Salon Schön",
        branch="Mitte",
        address="Lange Str. 1\n10115 Berlin",
        service="Färben",
        starts_at=_AT,
        zone=BERLIN,
        name="Anna Müller",
    )

    assert subject == "Ihr Termin bei Salon Schön ist verschoben"
    assert "Montag, 30. November 2026, 14:00 Uhr" in text
    assert "Mitte, Lange Str. 1 10115 Berlin" in text


def test_subject_of_a_mail_stays_one_line():
    subject, _ = phrases.confirmation(
        kind="booked",
        company="Salon\r\nBcc: x@example.org",
        branch="",
        address="",
        service="",
        starts_at=_AT,
        zone=BERLIN,
        name="",
    )

    assert "\n" not in subject
    assert "\r" not in subject


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=200))
def test_stored_names_never_bring_braces(text):
    assert not re.search(r"[{}<>\n\r]", speech.speakable(text))
