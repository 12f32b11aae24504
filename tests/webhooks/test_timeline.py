"""A call's rows, joined by its correlation id and sorted by time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tenants.scoping import scope
from tests import factories as make
from webhooks.timeline import as_json, timeline

pytestmark = pytest.mark.django_db


def at(seconds):
    return datetime(2030, 1, 7, 9, 0, tzinfo=UTC) + timedelta(seconds=seconds)


def test_everything_of_a_call_by_time_and_nothing_of_another():
    company = make.make_company()
    branch = make.make_branch(company=company)
    account = make.make_account(company=company, provider="retell")
    call, other = make.make_call(branch=branch), make.make_call(branch=branch)
    for one, start in ((call, 0), (other, 100)):
        make.make_provider_request(
            company=company, correlation_id=one.correlation_id, at=at(start + 2)
        )
        make.make_tool_call(
            company=company,
            call_row_id=one.pk,
            correlation_id=one.correlation_id,
            at=at(start + 1),
        )
        make.make_delivery(
            account=account,
            company=company,
            correlation_id=one.correlation_id,
            event="call_started",
            received_at=at(start),
            finished_at=at(start + 0.25),
        )

    with scope(company.pk):
        steps = timeline(call)

    assert as_json(steps) == [
        {
            "at_ms": 0,
            "kind": "event",
            "name": "retell call_started",
            "outcome": "done",
            "duration_ms": 250,
        },
        {
            "at_ms": 1000,
            "kind": "tool",
            "name": "check_availability",
            "outcome": "ok",
            "duration_ms": 40,
        },
        {
            "at_ms": 2000,
            "kind": "provider",
            "name": "calcom POST /v2/bookings",
            "outcome": "201",
            "duration_ms": 120,
        },
    ]


def test_offers_changes_callbacks_and_messages_are_steps_too():
    company = make.make_company()
    branch = make.make_branch(company=company)
    call = make.make_call(branch=branch)
    service = make.make_service(branch=branch)
    appointment = make.make_appointment(branch=branch, service=service, call=call)
    make.make_offer(call=call, service=service)
    make.make_change(
        appointment=appointment, call=call, correlation_id=call.correlation_id
    )
    make.make_notification(appointment=appointment)
    make.make_callback(branch=branch, call=call)

    with scope(company.pk):
        steps = timeline(call)

    assert sorted(step.kind for step in steps) == [
        "appointment",
        "callback",
        "notification",
        "offer",
    ]
    assert [step.at for step in steps] == sorted(step.at for step in steps)


def test_a_call_of_which_nothing_is_known_has_no_steps():
    company = make.make_company()
    call = make.make_call(branch=make.make_branch(company=company))

    with scope(company.pk):
        assert as_json(timeline(call)) == []
