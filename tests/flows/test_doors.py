"""Both doors, one behaviour: the same call through each leaves the same rows.

Each story is played twice from the same beginning, once with custom functions and once
through MCP. What differs by nature (ids, the minute) is named alike before comparing.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from bookings.models import (
    Appointment,
    AppointmentChange,
    Call,
    Callback,
    Customer,
    Occupancy,
    Offer,
)
from integrations.mcp import registry
from integrations.models import ToolCall
from integrations.sandbox.caller import ANONYMOUS
from tenants.scoping import scope
from tests import conftest, salons
from tests.flows.test_book import begin, first_offer, workday
from tests.integrations.mcp.door import key_for

#: By model, what of a row is the same at both doors: all but ids and instants.
ROWS: dict[Any, tuple[str, ...]] = {
    Call: ("from_number", "to_number", "direction", "outcome", "proof_attempts"),
    Offer: ("starts_at", "rank", "wished_on", "service__name"),
    Customer: ("name", "phone", "email"),
    Appointment: (
        *("state", "starts_at", "ends_at", "wish_name", "intent", "intent_state"),
        *("intent_reason", "wished_starts_at", "service__name", "staff__name"),
    ),
    Occupancy: ("purpose", "during", "lanes"),
    Callback: ("kind", "name", "phone", "reason", "state"),
    AppointmentChange: ("actor", "what", "why"),
    ToolCall: ("tool", "code", "is_success", "arguments", "unknown_arguments", "error"),
}
_IDS = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|call_[0-9a-f]{20,}|inb_[0-9a-f-]+"
)


def books(caller):
    """An offer is booked, asked for again, and looked at from every side."""
    offer = first_offer(caller, date=workday(), time="vormittags")
    wish = {
        "offer_id": offer["offer_id"],
        "name": "Erika Beispiel",
        "email": "erika at example punkt com",
    }
    yield caller.tool("create_booking", **wish)
    yield caller.tool("create_booking", **wish)
    yield caller.tool("booking_status")
    yield caller.tool("find_bookings")
    yield caller.tool("get_customer_info")


def loses(caller):
    """The wished time is taken; what else is wrong with a wish is told."""
    day = workday()
    offer = first_offer(caller, date=day, time="11:00")
    yield caller.tool("create_booking", offer_id=offer["offer_id"], name="Otto Anders")
    yield caller.tool("check_availability", date=day, time="11:00")
    yield caller.tool("create_booking", date=day, time="11:00", name="Maria Muster")
    yield caller.tool("create_booking", date=day, time="3 Uhr nachts", name="Max Ott")
    yield caller.tool("create_booking", date="in drei Jahren", time="10:00", name="A B")
    yield caller.tool("create_booking", date="gestern", time="10:00", name="Max Ott")


def changes(caller):
    """An appointment is moved and cancelled, each twice."""
    first = first_offer(caller, date=workday())
    yield caller.tool("create_booking", offer_id=first["offer_id"], name="Erika Blau")
    new = first_offer(caller, date=workday(ahead=6), time="15:00")
    move = {"offer_id": new["offer_id"], "reason": "krank"}
    yield caller.tool("reschedule_booking", **move)
    yield caller.tool("reschedule_booking", **move)
    yield caller.tool("cancel_booking", confirmed=False)
    yield caller.tool("cancel_booking", confirmed="ja", grund="verreist")
    yield caller.tool("cancel_booking", confirmed="ja", grund="verreist")
    yield caller.tool("booking_status")
    yield caller.tool("reschedule_booking", date="morgen")


def asks(caller):
    """What is told without a wish."""
    yield caller.tool("list_services")
    yield caller.tool("get_opening_hours")
    yield caller.tool("get_current_context")
    yield caller.tool("get_customer_info")
    yield caller.tool("resolve_time", phrase="übermorgen um 14 Uhr 30")
    yield caller.tool("resolve_time", phrase="blau")
    yield caller.tool("resolve_time", phrase="nächste Woche zwischen 14 und 16 Uhr")
    yield caller.tool("booking_status")


def is_misunderstood(caller):
    """Arguments are missing, too long, of other names, unfilled or unknown."""
    yield caller.tool("resolve_time")
    yield caller.tool("resolve_time", phrase="x" * 300)
    yield caller.tool("check_availability", datum="am blauen Tag", unbekannt=1)
    yield caller.tool("check_availability", datum="{{datum}}", uhrzeit="14 Uhr")
    yield caller.tool("check_availability", date=workday(), dienstleistung="Rasur")
    yield caller.tool("create_booking", date=workday(), time="10:00", name="{{name}}")
    yield caller.tool("create_booking", date=workday(), name="Erika Beispiel")
    yield caller.tool("create_booking", name=["a"], date={"x": 1}, time=10)
    yield caller.tool("create_booking_v17", telefonnummer="030", name="Erika Beispiel")


def wants_a_person(caller):
    """A callback, twice; then an agent that goes in circles."""
    wish = {"name": "Erika Beispiel", "reason": "Frage zur Rechnung"}
    yield caller.tool("request_callback", **wish)
    yield caller.tool("request_callback", **wish)
    for _ in range(3):
        yield caller.tool("resolve_time")


def hides(caller):
    """A withheld number proves nothing, and may book all the same."""
    yield caller.tool("find_bookings")
    yield caller.tool("cancel_booking", name="Erika Beispiel")
    yield caller.tool("find_bookings", name="Erika Weg", date=workday(), time="10:00")
    yield caller.tool("request_callback", name="Erika Beispiel")
    offer = first_offer(caller, date=workday())
    yield caller.tool(
        "create_booking", offer_id=offer["offer_id"], name="Max Unbekannt"
    )


def finds_the_calendar_away(caller):
    """The calendar answers nothing: a callback is noted instead."""
    yield caller.tool("check_availability", date=workday(), time="10:00")
    yield caller.tool("create_booking", date=workday(), time="10:00", name="Erika Blau")
    yield caller.tool("booking_status")


def is_put_off(caller):
    """The calendar is slow to book: pending, and nobody says booked."""
    offer = first_offer(caller, date=workday())
    yield caller.tool("create_booking", offer_id=offer["offer_id"], name="Erika Blau")
    yield caller.tool("booking_status")


STORIES = [
    books, loses, changes, asks, is_misunderstood, wants_a_person, hides,
    finds_the_calendar_away, is_put_off,
]  # fmt: skip


def played(system, story, door):
    """Return answers and rows of a story, from the same beginning each time."""
    system.control("DELETE", "faults")
    system.control("POST", "reset")
    conftest._empty()
    salon = salons.make(system)
    key = key_for(salon) if door == "mcp" else ""
    number = ANONYMOUS if story is hides else "+493023125042"
    caller = begin(system, number=number, mcp_key=key)
    if story is is_put_off:
        system.fault("POST /v2/bookings", "delay", 6.0)
    elif story is finds_the_calendar_away:
        system.fault("* /v2/*", "status", 503)
    answers = list(story(caller))
    assert {step.status for step in caller.steps if step.kind == "tool"} == {200}
    with scope(salon.company_id):
        rows = {
            model.__name__: sorted(map(str, model.objects.values_list(*fields)))
            for model, fields in ROWS.items()
        }
        assert {row.door for row in ToolCall.objects.all()} == {door}
    return alike(answers, {}), rows


def alike(value, names):
    """Return the value with ids named by the order in which they came."""
    if isinstance(value, dict):
        named = {
            key: alike(one, names)
            for key, one in value.items()
            # The minute may have gone on between the two.
            if key != "now" and not (key == "say" and "es ist" in str(one))
        }
        if "offer_id" in value:
            named["offer_id"] = names.setdefault(value["offer_id"], len(names))
        return named
    if isinstance(value, list):
        return [alike(one, names) for one in value]
    if isinstance(value, str):
        return _IDS.sub(lambda m: f"id {names.setdefault(m[0], len(names))}", value)
    return value


@pytest.mark.parametrize("story", STORIES, ids=lambda one: one.__name__)
def test_both_doors_have_one_behaviour(system, story):
    by_function = played(system, story, "function")
    by_mcp = played(system, story, "mcp")

    assert by_mcp[0] == by_function[0]
    assert by_mcp[1] == by_function[1]


def test_the_stories_use_every_tool_for_callers():
    told = "".join(inspect.getsource(story) for story in STORIES)
    used = set(re.findall(r'tool\("(\w+?)(?:_v17)?"', told)) | {"check_availability"}

    assert used == {one.name for one in registry.tools((registry.Server.BOOKING,))}
