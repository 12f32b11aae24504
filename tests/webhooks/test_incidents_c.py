"""Deliveries as systems of this kind have lost or doubled them, each by its number.

What stands elsewhere is named in a table, and shown to exist.
"""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

import pytest
import responses
from django.test import Client

from bookings.models import Appointment, Call
from integrations.calcom.answers import Booking
from integrations.sandbox import wire
from integrations.sandbox.caller import ANONYMOUS, Habits
from tenants import accounts, redis
from tenants.scoping import every_company, scope
from tests import factories as make
from tests.flows.test_book import begin, first_offer
from tests.flows.test_change import booked
from tests.system import eventually
from tests.webhooks.test_doors import event
from tests.webhooks.test_doors import post as deliver
from webhooks import inbox, objectives, providers
from webhooks.models import WebhookLog

pytestmark = pytest.mark.django_db

PAYLOADS = Path(__file__).parent.parent / "payloads"
KEY = "the key of the platform"
ALL = {"a9", "b1", *(f"c{number}" for number in range(1, 17)), "d11"}

#: Shown elsewhere, under names of their own.
ELSEWHERE = {
    "a9": ("webhooks.test_doors", "test_a_call_without_an_id_at_the_ring_stays_one"),
    "b1": ("webhooks.test_reconcile", "test_b1_what_belonged_to_nobody"),
    "c1": ("webhooks.test_doors", "test_bytes_changed_after_signing_are_refused"),
    "c2": ("askpro.test_routes", "test_c2_every_machine_endpoint_is_authenticated"),
    "c4": ("webhooks.test_merge_calendar", "test_every_order_of_a_bookings_events"),
    "c5": ("webhooks.test_bad_input", "test_the_same_bytes_to_another_account"),
    "c7": ("webhooks.test_replay", "test_c7_a_replay_has_the_same_id"),
    "c8": ("webhooks.test_objectives", "test_success_is_over_what_ended"),
    "c9": ("webhooks.test_reconcile", "test_c9_a_call_whose_end_got_lost"),
    "c12": ("integrations.test_readiness", "test_ids_that_no_provider_knows_are_gaps"),
    "c13": ("webhooks.test_merge", "test_odd_events_in_any_order_end_in_one_row"),
    "c15": ("integrations.retell.test_calls", "test_an_analysis_of_any_shape_says"),
    "d11": ("integrations.retell.test_calls", "test_odd_timestamps_become_sane"),
}


def test_each_incident_has_its_test():
    here = {
        found[1]
        for name in globals()
        if (found := re.match(r"test_([abcd]\d+)_", name))
    }

    for where, name in ELSEWHERE.values():
        names = dir(import_module(f"tests.{where}"))
        assert [one for one in names if one.startswith(name)], (where, name)
    assert here | set(ELSEWHERE) == ALL


@pytest.fixture
def account():
    # The door remembers the platform's account for some seconds.
    accounts._remembered.clear()
    return make.make_account(company=None, provider="retell", webhook_secret=KEY)


def post(body, *, key=KEY, **more):
    raw = wire.compact(body)
    signed = wire.signature(raw, key, int(time.time() * 1000))
    return Client(**more).post(
        "/api/webhooks/retell",
        raw,
        content_type="application/json",
        headers={"X-Retell-Signature": signed},
    )


def events():
    with every_company():
        return sorted(WebhookLog.objects.values_list("event", flat=True))


def test_a9_two_calls_at_once_that_had_no_id_when_they_rang_stay_two(system, salon):
    one, other = (
        system.caller(number=number, habits=Habits(has_ring_id=False))
        for number in ("+493023125042", "+493023125099")
    )
    for step in ("ring", "start", "hang_up"):
        for caller in (one, other):
            getattr(caller, step)()

    def over():
        with scope(salon.company_id):
            found = list(Call.objects.filter(status="analyzed"))
        return found if len(found) == 2 else None

    numbers = {call.call_id: call.from_number for call in eventually(over)}
    assert numbers == {
        one.call_id: "+493023125042",
        other.call_id: "+493023125099",
    }
    with scope(salon.company_id):
        assert Call.objects.count() == 2


@pytest.mark.parametrize("is_debug", [True, False])
def test_c1_no_mode_lets_the_unsigned_in(account, settings, is_debug):
    settings.DEBUG = is_debug

    assert post(event(), key="a guess").status_code == 401
    assert post(event(), key="").status_code == 401
    assert events() == []


def test_c3_recorded_events_of_the_calendar_are_recognised():
    provider, told = providers.named("calcom"), {}
    for path in sorted((PAYLOADS / "calcom/webhooks").glob("*.json")):
        told[path.stem] = provider.recognise(json.loads(path.read_text())).event

    assert told["booking_created"] == "BOOKING_CREATED"
    assert told["meeting_ended"] == "MEETING_ENDED"
    assert set(provider.handlers) < set(told.values())


@pytest.mark.parametrize(
    "text",
    [
        "2026-12-08T09:00:00Z",
        "2026-12-08T09:00:00.000Z",
        "2026-12-08T10:00:00+01:00",
        "2026-12-08T10:00:00.000+0100",
        "2026-12-08T09:00:00",
    ],
)
def test_c3_a_time_is_an_instant_however_it_is_written(text):
    record = {"uid": "u", "status": "ACCEPTED", "start": text, "end": text}

    booking = Booking.from_json(record)

    assert booking.starts_at == datetime(2026, 12, 8, 9, tzinfo=UTC)
    assert booking.status == "accepted"


def test_c5_other_events_of_a_call_are_no_repeats_and_the_same_bytes_are(account):
    begun = event()
    ended = begun | {"event": "call_ended"}

    replies = [post(body).status_code for body in (begun, ended, begun, ended, begun)]

    assert replies == [204] * 5
    assert events() == ["call_ended", "call_started"]


@pytest.mark.parametrize("redis_is", ["well", "empty", "away"])
def test_c6_a_repeat_after_hours_and_a_restart_is_still_one(
    account, monkeypatch, redis_is
):
    body = event()
    post(body)
    with every_company():
        WebhookLog.objects.update(received_at=datetime(2020, 1, 1, tzinfo=UTC))
    inbox._seen.clear()  # as in a process that has just begun
    if redis_is == "empty":
        redis.ask(lambda client: client.flushdb(), otherwise=False)
    elif redis_is == "away":
        monkeypatch.setattr(redis, "_away_until", time.monotonic() + 60)

    assert [post(body).status_code for _ in range(2)] == [204, 204]

    assert events() == ["call_started"]


def test_c8_what_was_received_and_not_worked_on_is_no_success(account):
    post(event())

    with every_company():
        (log,) = WebhookLog.objects.all()
    assert (log.state, log.finished_at) == ("received", None)
    assert objectives.of().success == objectives.Objective(None, 0)


@pytest.mark.parametrize("is_booked", [True, False])
def test_c10_an_analysis_books_nothing(system, salon, is_booked):
    if is_booked:
        booked(system)
    before = len(system.bookings())
    wish = {"termin_gewuenscht": True, "datum": "2026-12-03", "name": "Erika Beispiel"}
    caller = begin(system)
    call = event(
        "call_analyzed",
        call_id=caller.call_id,
        call_analysis={"call_successful": True, "custom_analysis_data": wish},
    )

    assert deliver(system, call).status == 204

    def analyzed():
        with scope(salon.company_id):
            return Call.objects.filter(
                call_id=caller.call_id, status="analyzed"
            ).first()

    assert eventually(analyzed).opinion["custom_analysis_data"] == wish
    with scope(salon.company_id):
        assert Appointment.objects.count() == int(is_booked)
    assert len(system.bookings()) == before


@pytest.mark.parametrize("number", ["+493023125042", ANONYMOUS])
def test_c11_the_answer_to_a_ring_has_the_providers_shape(system, salon, number):
    answer = system.caller(number=number).ring()

    assert answer["override_agent_id"] == "agent_of_the_salon"
    assert all(isinstance(one, str) for one in answer["dynamic_variables"].values())


def test_c14_the_outcome_is_what_was_done_whatever_the_provider_thinks(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    caller.tool("create_booking", offer_id=offer["offer_id"], name="Erika Beispiel")

    deliver(
        system,
        event(
            "call_analyzed",
            call_id=caller.call_id,
            call_analysis={"call_successful": False},
        ),
    )

    def analyzed():
        with scope(salon.company_id):
            return Call.objects.filter(status="analyzed").first()

    call = eventually(analyzed)
    assert (call.outcome, call.opinion) == ("booked", {"call_successful": False})


def test_c16_nothing_is_asked_of_anybody_before_the_answer(account):
    company = make.make_company()
    branch = make.make_branch(company=company)
    number = make.make_number(branch=branch).number
    called = event(to_number=number)["call"]

    # Whatever is asked by HTTP fails, and is counted.
    with responses.RequestsMock() as nobody:
        ring = post({"event": "call_inbound", "call_inbound": called})
        begun = post({"event": "call_started", "call": called})

        assert len(nobody.calls) == 0
    assert (ring.status_code, begun.status_code) == (200, 204)
    assert ring.json()["call_inbound"]["override_agent_id"] == "agent_1"
    assert events() == ["call_inbound", "call_started"]
