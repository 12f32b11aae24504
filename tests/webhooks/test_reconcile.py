"""Events get lost: what a provider did not tell is asked for, or closed as unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bookings.models import Appointment, Call, Occupancy
from integrations.sandbox.caller import Habits
from tenants.models import PhoneNumber, ProviderAccount
from tenants.scoping import every_company, scope
from tests.flows.test_book import begin, first_offer
from tests.flows.test_change import booked, live
from tests.flows.test_echo import calcom
from tests.system import eventually
from webhooks import quarantine, reconcile
from webhooks.models import ProviderPoll, WebhookLog

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LOST = frozenset({"call_ended", "call_analyzed"})


def overdue(**more):
    """Let every call's next event be late."""
    with every_company():
        Call.objects.update(expects_at=LONG_AGO, **more)


def call_is(status):
    def found():
        with every_company():
            call = Call.objects.first()
        return call if call and call.status == status else None

    return eventually(found)


def polled(provider):
    with every_company():
        account = ProviderAccount.objects.get(provider=provider)
    found = reconcile.poll(account.pk)
    with every_company():
        return found, ProviderPoll.objects.get(account=account)


def asked_for():
    """Return the events that no provider told by itself."""
    with every_company():
        logs = WebhookLog.objects.filter(source="poll")
        return list(logs.values_list("event", flat=True))


def test_c9_a_call_whose_end_got_lost_is_asked_for(system, salon):
    caller = begin(system, habits=Habits(dropped=LOST))
    first_offer(caller)
    caller.hang_up()
    call_is("started")
    overdue()

    reconcile.ask_for_missing()

    call = call_is("analyzed")
    assert call.ended_at is not None
    assert call.transcript
    assert call.expects_at is None
    with scope(salon.company_id):
        assert not Occupancy.objects.exists()
        log = WebhookLog.objects.get(source="poll")
    assert (log.event, log.correlation_id) == ("call_analyzed", call.correlation_id)


def test_c9_a_call_that_goes_on_is_left_alone(system, salon):
    begin(system)
    call_is("started")
    overdue()

    reconcile.ask_for_missing()

    call = call_is("started")
    assert call.expects_at > datetime.now(UTC)
    assert asked_for() == []


def test_c9_a_call_that_never_ends_is_closed_as_unknown_and_corrected_later(
    system, salon
):
    caller = begin(system)
    first_offer(caller)
    call_is("started")
    system.fault("GET /retell/v2/get-call/*", "status", 404)
    overdue(rang_at=datetime.now(UTC) - timedelta(hours=4))

    reconcile.ask_for_missing()

    call = call_is("lost")
    assert (call.ended_at, call.expects_at) == (None, None)
    with scope(salon.company_id):
        assert not Occupancy.objects.exists()
    caller.hang_up()
    assert call_is("analyzed").ended_at is not None


def test_an_analysis_that_never_comes_leaves_the_call_ended(system, salon):
    caller = begin(system, habits=Habits(dropped=frozenset({"call_analyzed"})))
    caller.hang_up()
    call_is("ended")
    overdue(rang_at=datetime.now(UTC) - timedelta(hours=4))

    reconcile.ask_for_missing()

    assert call_is("ended").expects_at is None


def test_a_call_of_which_nothing_arrived_is_found_by_the_poll(system, salon):
    every = frozenset({"call_inbound", "call_started"}) | LOST
    caller = system.caller(habits=Habits(dropped=every))
    caller.ring()
    caller.start()
    caller.hang_up()

    # The clock of the running system may have been quicker: it polls as well.
    _, state = polled("retell")

    assert call_is("analyzed").call_id == caller.call_id
    assert state.found_at is not None
    assert asked_for() == ["call_analyzed"]
    assert polled("retell")[0] == 0


def test_a_poll_that_failed_begins_where_it_did(system, salon):
    system.fault("POST /retell/v3/list-calls", "status", 500, times=1)
    _, failed = polled("retell")
    begun = failed.polled_until

    _, state = polled("retell")

    assert "retell" in failed.last_error
    assert state.last_error == ""
    assert begun < state.polled_until


@pytest.mark.parametrize("what", ["cancel", "move"])
def test_a_change_that_calcom_never_told_reaches_our_appointment(system, salon, what):
    booked(system)
    (booking,) = live(system)
    at = datetime.fromisoformat(booking["start"]) + timedelta(days=1)
    path, body = {
        "cancel": ("cancel", {"cancellationReason": "sick"}),
        "move": ("reschedule", {"start": f"{at:%Y-%m-%dT%H:%M:%SZ}"}),
    }[what]
    reply = calcom(system, f"/v2/bookings/{booking['uid']}/{path}", body)
    assert reply.is_success, reply

    polled("calcom")

    assert len(asked_for()) == 1

    def row():
        with scope(salon.company_id):
            return Appointment.objects.get()

    if what == "cancel":
        eventually(lambda: row().state == "cancelled")
    else:
        eventually(lambda: row().starts_at == at)
        assert row().earlier_uids == [booking["uid"]]
    assert polled("calcom")[0] == 0


def test_b1_what_belonged_to_nobody_is_worked_on_once_its_number_is_configured(
    system, salon
):
    with scope(salon.company_id):
        number = PhoneNumber.objects.get()
        PhoneNumber.objects.all().delete()
    begin(system)

    def unresolved():
        with every_company():
            states = WebhookLog.objects.values_list("state", flat=True)
            return len(states) == 2 and set(states) == {"unresolved"}

    eventually(unresolved)
    assert quarantine.release() == 0
    with scope(salon.company_id):
        assert not Call.objects.exists()
        number.save(force_insert=True)

    assert quarantine.release() == 2

    assert call_is("started").company_id == salon.company_id
