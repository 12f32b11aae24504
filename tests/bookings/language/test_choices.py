import pytest

from bookings.language.choices import match_service, match_staff

_SERVICES = [
    (1, "Herrenhaarschnitt", ["Herrenschnitt"]),
    (2, "Damenhaarschnitt", []),
    (3, "Beratung 15 Minuten", []),
    (4, "Beratung 30 Minuten", []),
    (5, "Waschen und Schneiden", []),
    (6, "Färben", ["Strähnen"]),
]
_STAFF = [(1, "Lisa Berger"), (2, "Anna Koch"), (3, "Anna Müller")]


@pytest.mark.parametrize(
    ("spoken", "ids"),
    [
        ("Herrenhaarschnitt", [1]),
        ("Herrenschnitt", [1]),
        ("Herrenschnit", [1]),
        ("einen Damenhaarschnitt bitte", [2]),
        ("fünfzehn Minuten Beratung", [3]),
        ("faerben", [6]),
        ("Strähnen", [6]),
        ("Haarschnitt", [1, 2]),
        ("Beratung", [3, 4]),
        ("Beratung 20 Minuten", []),
        ("Kinderhaarschnitt", []),
        ("Massage", []),
        ("", []),
    ],
)
def test_service_is_recognised_or_asked(spoken, ids):
    assert match_service(spoken, _SERVICES) == ids


def test_women_are_never_heard_as_men():
    assert match_service("Herrenhaarschnitt", [(2, "Damenhaarschnitt", [])]) == []


@pytest.mark.parametrize(
    ("spoken", "ids"),
    [
        ("Lisa", [1]),
        ("bei Lisa", [1]),
        ("Liesa", [1]),
        ("Frau Koch", [2]),
        ("Anna Miller", [3]),
        ("Anna", [2, 3]),
        ("Hans", []),
        ("", []),
    ],
)
def test_person_is_recognised_or_asked(spoken, ids):
    assert match_staff(spoken, _STAFF) == ids
