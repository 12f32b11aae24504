"""Retell's call object is read as far as it makes sense, and never invents anything."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from integrations.retell import calls

ACCOUNT = uuid4()
NOON = datetime(2026, 12, 1, 11, 0, tzinfo=UTC)
NOON_MS = int(NOON.timestamp() * 1000)
ABSURD: tuple[Any, ...] = (None, 0, -5, True, "bald", [], {}, 10**18)


def facts(**call):
    return calls.facts_of({"call_id": "c1"} | call, account_id=ACCOUNT, status="ended")


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (NOON_MS, NOON),
        (float(NOON_MS), NOON),
        (NOON_MS // 1000, NOON),
        ("2026-12-01T12:00:00+01:00", NOON),
        ("2026-12-01T11:00:00Z", NOON),
        ("2026-12-01T11:00:00", NOON),
        *((value, None) for value in ABSURD),
        ("0001-01-01T00:00:00+14:00", None),
        (float("inf"), None),
    ],
)
def test_odd_timestamps_become_sane_or_nothing(value, at):
    assert calls.instant(value) == at
    assert facts(start_timestamp=value).started_at == at


def test_an_end_before_the_start_is_the_start():
    found = facts(start_timestamp=NOON_MS, end_timestamp=NOON_MS - 5000)

    assert (found.started_at, found.ended_at) == (NOON, NOON)


@pytest.mark.parametrize(
    "data", [None, [], {}, "text", 7, {"a": None}, {"termin": "ja", "n": "3"}, [1, 2]]
)
def test_analysis_data_of_any_shape_is_kept_as_it_is(data):
    found = facts(
        call_analysis={"custom_analysis_data": data, "call_successful": False}
    )

    kept = {} if data in (None, []) else {"custom_analysis_data": data}
    assert found.opinion == {"call_successful": False} | kept


@pytest.mark.parametrize("analysis", [None, [], "none", 7])
def test_an_analysis_of_any_shape_says_nothing(analysis):
    found = facts(call_analysis=analysis)

    assert (found.summary, found.opinion) == ("", {})


@pytest.mark.parametrize(
    "withheld", ["anonymous", "", None, "unknown", "Restricted", 7, "+", "sip:x@y"]
)
def test_a_withheld_number_is_empty(withheld):
    assert facts(from_number=withheld).from_number == ""


def test_an_outbound_call_has_its_sides_the_other_way_round():
    found = facts(
        direction="outbound", from_number="+493083793369", to_number="+493023125042"
    )

    assert (found.to_number, found.from_number) == ("+493083793369", "+493023125042")


@pytest.mark.parametrize(
    ("call", "correlation_id"),
    [
        ({"metadata": {"correlation_id": "inb_1"}}, "inb_1"),
        ({"metadata": {"correlation_id": 7}}, "c1"),
        ({"metadata": {}}, "c1"),
        ({"metadata": []}, "c1"),
        ({}, "c1"),
    ],
)
def test_our_own_id_joins_the_records_else_the_calls(call, correlation_id):
    assert facts(**call).correlation_id == correlation_id
