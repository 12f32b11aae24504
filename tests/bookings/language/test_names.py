import pytest

from bookings.language.names import (
    is_placeholder,
    is_plausible,
    normalize_name,
    same_name,
)


@pytest.mark.parametrize(
    ("spoken", "normal"),
    [
        ("  Frau  Dr. Anna MÜLLER ", "anna mueller"),
        ("Müller, Anna", "anna mueller"),
        ("Weiß", "weiss"),
        ("O'Neill", "oneill"),
        ("Ayşe Yılmaz", "ayse yilmaz"),
        ("Müller-Lüdenscheidt", "mueller-luedenscheidt"),
    ],
)
def test_name_is_made_comparable(spoken, normal):
    assert normalize_name(spoken) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna Müller", "Anna Mueller"),
        ("Anna Müller", "Anna Miller"),
        ("Frau Meier", "Sabine Mayer"),
        ("Stefan Schmitt", "Stephan Schmidt"),
        ("Müller, Anna", "Anna Müller"),
        ("Nguyen", "Nguyễn"),
        ("Thomas von Berg", "Thomas Berg"),
    ],
)
def test_hearing_errors_are_the_same_name(one, other):
    assert same_name(one, other)
    assert same_name(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna Schmidt", "Hanna Schmidt"),
        ("Max Mustermann", "Erika Mustermann"),
        ("Peter Huber", "Petra Huber"),
        ("Anna Weber", "Anna Wagner"),
        ("", ""),
        ("Herr", "Frau"),
    ],
)
def test_other_people_are_not_the_same_name(one, other):
    assert not same_name(one, other)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "None", "null", "undefined", "{{name}}", "unbekannt", "Anonymous", "-"],
)
def test_placeholder_holds_nothing(text):
    assert is_placeholder(text)


@pytest.mark.parametrize("text", ["Anna", "Herr Nill", "0", "14:00", "morgen"])
def test_what_was_said_is_no_placeholder(text):
    assert not is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        "Robinson Freitag",
        "Herr Sonntag",
        "Ja Li",
        "Ng",
        "O'Neill",
        "Nguyễn Thị Ánh",
        "Karl-Theodor von und zu Guttenberg",
        "محمد علي",
        "Anna Müller",
    ],
)
def test_unusual_real_names_pass(text):
    assert is_plausible(text, staff=["Lisa Berger"])


@pytest.mark.parametrize(
    "text",
    [
        "Freitag",
        "Guten Tag",
        "morgen um zehn",
        "14 Uhr",
        "Unbekannt",
        "{{name}}",
        "X",
        "Ja genau",
        "Frau",
        "acht",
        "Lisa Berger",
        "Lisa",
        "a" * 200,
        "<b>Anna</b>",
    ],
)
def test_what_is_no_callers_name_is_refused(text):
    assert not is_plausible(text, staff=["Lisa Berger"])
