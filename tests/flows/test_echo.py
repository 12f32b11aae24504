"""Staff change an appointment in the calendar itself; our own changes echo."""

from __future__ import annotations

import pytest

from bookings.models import Appointment, AppointmentChange, Occupancy
from integrations.sandbox import wire
from tenants.models import ProviderAccount
from tenants.scoping import scope
from tests.flows.test_book import ours
from tests.flows.test_change import booked
from tests.system import eventually
from webhooks.models import WebhookLog

TRIGGERS = ["BOOKING_CREATED", "BOOKING_RESCHEDULED", "BOOKING_CANCELLED"]


@pytest.fixture
def subscribed(system, salon):
    with scope(salon.company_id):
        account = ProviderAccount.objects.get(company=salon.company_id)
    reply = calcom(
        system,
        "/v2/webhooks",
        {
            "active": True,
            "subscriberUrl": f"{system.web_url}/api/webhooks/calcom/{account.endpoint}",
            "triggers": TRIGGERS,
            "secret": account.webhook_secret,
        },
    )
    assert reply.status == 201, reply
    return salon


def calcom(system, path, body):
    headers = {
        "Authorization": f"Bearer {system.sandbox['calcom']['api_key']}",
        "cal-api-version": "2024-08-13",
    }
    url = system.sandbox["calcom"]["base_url"] + path
    return wire.send("POST", url, wire.compact(body), headers=headers)


def finished(branch, count):
    def states():
        with scope(branch.company_id):
            found = list(
                WebhookLog.objects.filter(provider="calcom").values_list(
                    "state", flat=True
                )
            )
        return len(found) >= count and set(found) == {"done"}

    eventually(states)


def test_the_echo_of_our_own_booking_changes_nothing(system, subscribed):
    booked(system)

    finished(subscribed, 1)
    with scope(subscribed.company_id):
        assert [one.what for one in AppointmentChange.objects.all()] == ["book"]
        assert Appointment.objects.get().state == "booked"


def test_a_cancellation_in_the_calendar_frees_the_time_here(system, subscribed):
    booked(system)
    (booking,) = ours(system)

    path = f"/v2/bookings/{booking['uid']}/cancel"
    assert calcom(system, path, {"cancellationReason": "krank"}).status == 200

    with scope(subscribed.company_id):
        eventually(lambda: Appointment.objects.get().state == "cancelled")
        assert not Occupancy.objects.filter(purpose="booking").exists()
        assert AppointmentChange.objects.filter(actor="calcom").count() == 1


def test_a_move_in_the_calendar_moves_it_here(system, subscribed):
    from tests.flows.test_book import begin, first_offer, workday

    old = booked(system)
    (booking,) = ours(system)
    target = first_offer(begin(system), date=workday(ahead=6))["starts_at"]
    later = target.replace("+00:00", "Z")

    path = f"/v2/bookings/{booking['uid']}/reschedule"
    assert calcom(system, path, {"start": later}).status == 201

    with scope(subscribed.company_id):
        row = eventually(
            lambda: Appointment.objects.exclude(starts_at=old["starts_at"]).first()
        )
        assert row.starts_at.isoformat() == target
        assert row.earlier_uids == [booking["uid"]]
        assert Occupancy.objects.get(purpose="booking").during.lower == row.starts_at
