"""c13: every order, repetition and subset of a call's events ends in one same row."""

from __future__ import annotations

import copy
import json
import uuid
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings.models import Call
from tenants.scoping import scope
from tests import factories as make
from webhooks import providers
from webhooks.handlers import StoredDelivery

pytestmark = pytest.mark.django_db
PAYLOADS = Path(__file__).parent.parent / "payloads" / "retell"
#: Whatever is of the row, not of what was told.
OF_THE_ROW = {"id", "company", "branch", "account", "customer", "rang_at", "expects_at"}
OF_THE_CALL = {"call_id", "correlation_id"}
ABSENT = object()
ODD: dict[str, list[Any]] = {
    "call_status": ["ended", "registered", "levitating", 7, None],
    "direction": ["sideways", None, 3],
    "from_number": ["anonymous", "", None, 493023125042, "+4930 23125042"],
    "agent_id": ["agent_other", None, ["x"]],
    "start_timestamp": [1_796_030_045, "2026-11-30T09:14:05Z", -4, None, "bald"],
    "end_timestamp": [1_796_030_000_000, 1_796_030_199_000, 0, True, None],
    "disconnection_reason": ["user_hangup", "reason_of_next_year", None, {}],
    "transcript": ["Agent: Guten Tag.", None, ["no", "text"]],
    "call_analysis": [
        None,
        [],
        {"call_summary": None, "user_sentiment": "Elated"},
        {"call_summary": "Kurz.", "call_successful": "yes", "in_voicemail": 0},
        {"custom_analysis_data": []},
        {"custom_analysis_data": {"termin": "ja", "anzahl": 2}},
    ],
}


def recorded() -> list[dict[str, Any]]:
    """Return a call's events as they were recorded, and what comes between them."""
    told = [
        json.loads((PAYLOADS / f"call_{name}.json").read_text())
        for name in ("started", "ended", "analyzed")
    ]
    begun, ended, _ = told
    half = copy.deepcopy(begun)
    half["event"] = "transcript_updated"
    half["call"]["transcript"] = ended["call"]["transcript"][:80]
    moved = copy.deepcopy(half) | {"event": "transfer_started"}
    return [begun, half, moved, *told[1:]]


class World:
    """A branch that is called, and a way to tell of calls."""

    def __init__(self) -> None:
        company = make.make_company()
        self.branch = make.make_branch(company=company)
        number = recorded()[0]["call"]["to_number"]
        make.make_number(branch=self.branch, number=number)
        self.account = make.make_account(company=None, provider="retell")

    def row_after(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """Tell of a new call by these events; return what its row is in the end."""
        call_id = f"call_{uuid.uuid4().hex}"
        handlers = providers.named("retell").handlers
        for told in events:
            body = copy.deepcopy(told)
            body["call"]["call_id"] = call_id
            delivery = StoredDelivery(
                log_id=uuid.uuid4(),
                provider="retell",
                event=body["event"],
                body=body,
                account_id=self.account.pk,
                company_id=None,
                correlation_id=call_id,
            )
            handler = handlers[body["event"]]
            owner = handler.resolve(delivery)
            handler.apply(delivery, owner, handler.look(delivery, owner))
        names = {field.name for field in Call._meta.fields} - OF_THE_ROW - OF_THE_CALL
        with scope(self.branch.company_id):
            call = Call.objects.get(call_id=call_id)
            assert call.correlation_id == call_id
            return {name: getattr(call, name) for name in sorted(names)}


@pytest.fixture
def world():
    return World()


def test_every_order_of_the_recorded_events_ends_in_one_row(world):
    orders = list(permutations(recorded()))
    wanted = world.row_after(recorded())

    assert len(orders) == 120
    assert all(world.row_after(list(order)) == wanted for order in orders)
    assert wanted["status"] == "analyzed"
    assert wanted["disconnection_reason"] == "agent_hangup"
    assert wanted["transcript"].endswith("Danke, tschüss.\n")
    assert wanted["opinion"]["call_successful"] is True
    assert wanted["outcome"] == ""  # of what was done, which was nothing


@st.composite
def tellings(draw):
    """Draw events with odd and missing values, in two orders, some repeated."""
    told = []
    for event in draw(st.lists(st.sampled_from(recorded()), min_size=1, max_size=6)):
        body = copy.deepcopy(event)
        for name in draw(st.sets(st.sampled_from(sorted(ODD)), max_size=4)):
            value = draw(st.sampled_from([ABSENT, *ODD[name]]))
            body["call"].pop(name, None)
            if value is not ABSENT:
                body["call"][name] = value
        told.append(body)
    again = draw(st.lists(st.sampled_from(told), max_size=3))
    return told, draw(st.permutations(told + again))


@override_settings(DEBUG=False)
def test_odd_events_in_any_order_end_in_one_row(world):
    @given(tellings())
    @settings(
        max_examples=60,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(drawn: tuple[list[Any], list[Any]]) -> None:
        one, other = drawn
        first = world.row_after(one)
        assert world.row_after(other) == first
        # To know more changes nothing that was known, but by what says more.
        more = world.row_after([*one, *recorded()])
        assert all(more[name] for name, value in first.items() if value)
        ranks = Call.RANKS
        assert ranks.index(more["status"]) >= ranks.index(first["status"])

    check()


def test_what_nobody_knows_yet_is_kept_as_text(world):
    (event,) = (one for one in recorded() if one["event"] == "call_ended")
    event["call"] |= {"disconnection_reason": "reason_of_next_year"}
    event["call"]["call_status"] = "levitating"

    row = world.row_after([event])

    assert row["disconnection_reason"] == "reason_of_next_year"
    assert row["status"] == "ended"
