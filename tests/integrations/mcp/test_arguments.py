"""Whatever shape a question comes in, it is the same question."""

from __future__ import annotations

import json

import pytest

from integrations.mcp import registry, servers  # noqa: F401 (registers the tools)
from integrations.mcp.arguments import canonical, read
from integrations.mcp.servers.booking import CreateBooking

CALL = {"call_id": "call_1", "to_number": "+493083793369"}
ARGUMENTS = {"datum": "morgen", "uhrzeit": "14 Uhr"}
TOOL = "create_booking"


@pytest.mark.parametrize(
    ("body", "tool"),
    [
        ({"call": CALL, "name": TOOL, "args": ARGUMENTS}, ""),
        ({"call": CALL, "name": TOOL, "args": json.dumps(ARGUMENTS)}, ""),
        ({"call": CALL, "function_name": TOOL, "parameters": ARGUMENTS}, ""),
        ({"call": CALL, "tool": TOOL, "arguments": ARGUMENTS}, ""),
        ({"call": CALL, "tool": TOOL, "arguments": json.dumps(ARGUMENTS)}, ""),
        ({"call": CALL, "name": TOOL, **ARGUMENTS}, ""),
        ({"call": CALL, **ARGUMENTS}, TOOL),
        ({"call": CALL, "args": ARGUMENTS}, TOOL),
        ({"call": CALL, "name": "another", "args": ARGUMENTS}, TOOL),
    ],
)
def test_every_shape_is_the_same_question(body, tool):
    question = read(body, tool=tool)

    assert (question.tool, question.arguments, question.call) == (TOOL, ARGUMENTS, CALL)


@pytest.mark.parametrize("call", [None, "call_1", ["call_1"], 7])
def test_what_is_no_call_object_is_none(call):
    assert read({"call": call, "name": TOOL, "args": {}}).call == {}


@pytest.mark.parametrize("arguments", ["{not json", "[1]", "7"])
def test_arguments_that_are_no_object_are_none(arguments):
    question = read({"name": TOOL, "args": arguments})

    assert question.tool == TOOL
    assert canonical(question.arguments, {"date", "time"})[0] == {}


def test_a_flat_body_keeps_the_customers_name():
    question = read({"call": CALL, "name": "Erika Beispiel"}, tool=TOOL)

    assert question.arguments == {"name": "Erika Beispiel"}


ALIASES = [
    ("date", "datum date appointment_date new_datum preferred_date datetime"),
    ("time", "uhrzeit time appointment_time new_uhrzeit preferred_time"),
    ("service", "dienstleistung service service_name"),
    ("name", "name customer_name"),
    ("phone", "telefonnummer phone phone_number customer_phone"),
    ("email", "email customer_email"),
    ("staff", "mitarbeiter_wunsch preferred_staff_id staff"),
    ("reason", "grund reason"),
    ("confirmed", "bestaetigung confirmed"),
]


@pytest.mark.parametrize(
    ("name", "alias"),
    [(name, alias) for name, aliases in ALIASES for alias in aliases.split()],
)
def test_every_alias_is_understood(name, alias):
    known = set(CreateBooking.Arguments.model_fields)

    assert canonical({alias: "ja"}, known) == ({name: "ja"}, 0)


@pytest.mark.parametrize(
    "value", [None, "", "  ", "{{new_datum}}", "am {{datum}}", "{{datum", "x }}"]
)
def test_what_is_empty_or_unfilled_is_missing(value):
    assert canonical({"datum": value}, {"date"}) == ({}, 0)


def test_unknown_arguments_are_counted_and_dropped():
    sent = {"execution_message": "Moment", "call_id": "call_001", "date": "morgen"}

    assert canonical(sent, {"date"}) == ({"date": "morgen"}, 1)


def test_our_own_name_goes_before_an_alias():
    sent = {"date": "Montag", "datum": "Dienstag"}
    turned = dict(reversed(sent.items()))

    assert canonical(sent, {"date"})[0] == {"date": "Montag"}
    assert canonical(turned, {"date"})[0] == {"date": "Montag"}


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (True, True), ("ja", True), ("Ja", True), ("true", True), (1, True),
        (False, False), ("nein", False), ("false", False), (0, False),
        (None, None), ("vielleicht", None), ([], None),
    ],
)  # fmt: skip
def test_a_yes_is_understood_in_any_spelling(said, meant):
    assert CreateBooking.Arguments(confirmed=said).confirmed is meant


@pytest.mark.parametrize(
    "name", ["create_booking", "create_booking_v17", "create_booking-v2"]
)
def test_versions_of_a_name_are_the_same_tool(name):
    tool = registry.find(name)

    assert tool is not None
    assert tool.name == "create_booking"


@pytest.mark.parametrize("name", ["", "book", "create_booking_v", "v17", "_v17"])
def test_another_name_is_no_tool(name):
    assert registry.find(name) is None
