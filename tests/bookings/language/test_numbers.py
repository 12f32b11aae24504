import pytest

from bookings.language.numbers import numeral, ordinal, spell_phone


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("null", 0),
        ("eins", 1),
        ("zwo", 2),
        ("zwölf", 12),
        ("funf", 5),
        ("einundzwanzig", 21),
        ("neunundfünfzig", 59),
        ("hundert", 100),
        ("zweitausendsechsundzwanzig", 2026),
        ("haus", None),
        ("tausendtausend", None),
        ("", None),
    ],
)
def test_numeral_is_read(word, value):
    assert numeral(word) == value


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("ersten", 1),
        ("dritter", 3),
        ("siebenten", 7),
        ("achte", 8),
        ("zwölften", 12),
        ("einunddreißigsten", 31),
        ("acht", None),
    ],
)
def test_ordinal_is_read(word, value):
    assert ordinal(word) == value


def test_german_number_is_spelled_without_its_country():
    spoken = "null drei null, acht drei sieben neun drei drei sechs neun"

    assert spell_phone("+493083793369") == spoken


def test_foreign_number_is_spelled_with_its_country():
    assert spell_phone("+431234567890").startswith("plus vier drei, ")


def test_what_is_no_number_is_not_spelled():
    assert spell_phone("anonymous") == ""
