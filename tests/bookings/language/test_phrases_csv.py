import csv
from datetime import date, time
from pathlib import Path

import pytest

from bookings.language.times import resolve
from tests.bookings.language.moments import BERLIN, NOW

_FILE = Path(__file__).parents[2] / "payloads" / "german_time_phrases.csv"
_ROWS = list(csv.DictReader(_FILE.read_text(encoding="utf-8").splitlines()))


def _day(text):
    return date.fromisoformat(text) if text else None


def test_all_sixty_phrases_are_there():
    assert len(_ROWS) == 60


@pytest.mark.parametrize("row", _ROWS, ids=[row["phrase"] for row in _ROWS])
def test_phrase_means_what_the_table_says(row):
    reading = resolve(row["phrase"], now=NOW, zone=BERLIN)

    assert (reading.date, reading.date_to) == (
        _day(row["date_from"]),
        _day(row["date_to"]),
    )
    if row["time"]:
        # "ab 15 Uhr" is an interval: its start is no exact wish.
        start = reading.time or reading.time_from
        assert start == time.fromisoformat(row["time"])
    else:
        assert reading.time is None
    assert (reading.question, reading.error) == ("", "")


@pytest.mark.parametrize("row", _ROWS, ids=[row["phrase"] for row in _ROWS])
def test_phrase_without_umlauts_means_the_same(row):
    dots = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ü": "Ue", "Ö": "Oe"}
    plain = row["phrase"].translate(str.maketrans(dots))

    assert resolve(plain, now=NOW, zone=BERLIN) == resolve(
        row["phrase"], now=NOW, zone=BERLIN
    )
