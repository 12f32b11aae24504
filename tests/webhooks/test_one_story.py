"""One id through everything: door, messages, logs, rows, and what we send out."""

from __future__ import annotations

import json
import time

import pytest

from bookings.models import AppointmentChange, Call, Notification
from integrations.models import ProviderRequest, ToolCall
from tenants.scoping import every_company, scope
from tests.flows.test_book import begin, first_offer
from tests.system import eventually
from tests.webhooks.test_doors import event, post
from webhooks import timeline
from webhooks.models import WebhookLog

PERSONAL = ("Kora Lation", "kora@example.com", "+493023125042", "Guten Tag, hier")


@pytest.fixture
def talkative(system):
    """The system, whose worker and web tell each step of a delivery."""
    for name in ("web", "background"):
        system.restart(name, WEBHOOK_DEBUG="1")
    system.processes.wait_for("web", f"{system.web_url}/readyz")
    yield system
    for name in ("web", "background"):
        system.restart(name)
    system.processes.wait_for("web", f"{system.web_url}/readyz")


def lines(system, name):
    path = system.processes.logs / f"{name}.log"
    found = []
    for line in path.read_text().splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
    return found


def test_one_id_goes_through_everything(talkative, salon):
    system = talkative
    caller = begin(system)
    offer = first_offer(caller)
    told = caller.tool(
        "create_booking",
        offer_id=offer["offer_id"],
        name="Kora Lation",
        email="kora@example.com",
    )
    assert told["code"] == "booked"
    analyzed = event(
        "call_analyzed",
        call_id=caller.call_id,
        call_status="ended",
        end_timestamp=int(time.time() * 1000),
        transcript="User: Guten Tag, hier ist Kora Lation.",
        metadata={"correlation_id": caller.correlation_id},
    )
    assert post(system, analyzed).status == 204
    eventually(
        lambda: (
            call_status_of(salon.company_id) == "analyzed"
            and all(state in ("done", "ignored") for state in _states())
        )
    )

    name = caller.correlation_id
    with scope(salon.company_id):
        assert Call.objects.get().correlation_id == name
        for model in (WebhookLog, ToolCall, ProviderRequest, AppointmentChange):
            of_model = set(model.objects.values_list("correlation_id", flat=True))
            assert of_model == {name}, model
        assert Notification.objects.exists()
        kinds = {step.kind for step in timeline.story(name)}
    wanted = {"event", "tool", "provider", "offer", "appointment", "notification"}
    assert kinds == wanted
    asked = system.control("GET", "requests")["requests"]
    ours = {one["correlation_id"] for one in asked if "/bookings" in one["path"]}
    assert ours == {name}
    (booking,) = system.bookings()
    assert name in json.dumps(booking["metadata"])
    _told_in_logs(system, name)


def _told_in_logs(system, name):
    for process in ("web", "background"):
        mine = [one for one in lines(system, process) if "step" in one]
        assert mine, process
        assert {one["correlation_id"] for one in mine} == {name}, process
    steps = {one["step"] for one in lines(system, "background") if "step" in one}
    assert steps >= {"read", "resolved", "looked", "applied", "settled"}
    for process in ("web", "background", "live"):
        text = (system.processes.logs / f"{process}.log").read_text()
        assert not [word for word in PERSONAL if word in text], process


def call_status_of(company_id):
    with scope(company_id):
        return Call.objects.get().status


def _states():
    with every_company():
        return list(WebhookLog.objects.values_list("state", flat=True))
