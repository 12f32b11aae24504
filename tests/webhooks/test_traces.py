"""One story by any of its ids, told to the key of its company and to operators."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from bookings.models import Appointment
from integrations.sandbox import wire
from tenants.scoping import scope
from tests import factories as make
from tests.factories import make_key
from tests.flows.test_book import begin, first_offer
from tests.system import eventually
from webhooks.models import WebhookLog

KINDS = ["event", "tool", "provider", "offer", "appointment"]


def ask(system, trace_id, key):
    url = f"{system.web_url}/api/v1/traces/{trace_id}"
    return wire.send("GET", url, headers={"Authorization": f"Bearer {key}"})


def trace(name):
    out = StringIO()
    call_command("trace", name, "--json", stdout=out)
    return json.loads(out.getvalue())["stories"]


@pytest.fixture
def booked_call(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    answer = caller.tool(
        "create_booking", offer_id=offer["offer_id"], name="Erika Beispiel"
    )
    assert answer["code"] == "booked"
    caller.hang_up()

    def all_done():
        with scope(salon.company_id):
            states = WebhookLog.objects.values_list("state", flat=True)
            return len(states) == 4 and set(states) == {"done"}

    eventually(all_done)
    return caller


def test_every_record_of_a_call_is_one_story(system, salon, booked_call):
    _, key = make_key(company=salon.company, scopes=["rest"])

    reply = ask(system, booked_call.correlation_id, key)

    assert reply.status == 200
    (story,) = reply.json()["stories"]
    assert {step["kind"] for step in story["steps"]} >= set(KINDS)
    times = [step["at_ms"] for step in story["steps"]]
    assert times == sorted(times)
    assert times[0] == 0
    assert "Erika" not in reply.body.decode()
    assert "+4930" not in reply.body.decode()


def test_any_id_of_a_call_leads_to_its_story(system, salon, booked_call):
    with scope(salon.company_id):
        row = Appointment.objects.get()
        log = WebhookLog.objects.first()
    names = [booked_call.call_id, row.calcom_uid, str(row.pk), str(log.pk)]

    for name in names:
        (story,) = trace(name)
        assert story["correlation_id"] == booked_call.correlation_id, name
        assert story["company"] == "salon"
    with pytest.raises(CommandError, match="calls_recent"):
        trace("call_of_nobody")


def test_another_companys_key_hears_of_no_such_story(system, salon, booked_call):
    other = make.make_company("fremd")
    _, foreign = make_key(company=other, scopes=["rest"])
    _, own = make_key(company=salon.company, scopes=["rest"])
    _, narrow = make_key(company=salon.company, scopes=["booking"])

    refused = ask(system, booked_call.correlation_id, foreign)

    assert refused.status == 404
    assert refused.json() == ask(system, "call_of_nobody", own).json()
    assert ask(system, booked_call.correlation_id, narrow).status == 403
    assert ask(system, booked_call.correlation_id, "askpro_test_x_y").status == 401
