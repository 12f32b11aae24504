"""What a call changes stands in the company's audit trail, with who caused it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from bookings.models import Appointment
from tenants.models import AuditEntry, Branch
from tenants.scoping import every_company, scope
from tests import factories, salons
from tests.flows.test_book import begin, first_offer
from tests.system import eventually


def told(company_id, **which):
    with scope(company_id):
        return list(AuditEntry.objects.filter(**which).order_by("at"))


def test_a_booking_is_the_providers_doing_in_the_worker_too(system, salon):
    caller = begin(system)
    offer = first_offer(caller)

    answer = caller.tool(
        "create_booking", offer_id=offer["offer_id"], name="Erika Beispiel"
    )

    assert answer["code"] == "booked"
    row = eventually(lambda: told(salon.company_id, changes__state__1="booked"))[0]
    entries = told(salon.company_id, subject_id=row.subject_id)
    # The request's own entry, then the worker's lease and outcome.
    assert [one.changes.get("state") for one in entries] == [
        [None, "requested"],
        ["requested", "booking"],
        ["booking", "booked"],
    ]
    assert {(e.actor, e.actor_name, e.address) for e in entries} == {
        ("provider", "retell", "127.0.0.1")
    }
    assert {entry.correlation_id for entry in entries} == {caller.call_id}
    written = " ".join(str(e.changes) for e in told(salon.company_id))
    assert "Erika" not in written
    assert "23125042" not in written


def test_what_the_clock_causes_is_the_tasks_doing(system, salon):
    appointment = factories.make_appointment(
        branch=salon,
        state="requested",
        starts_at=timezone.now() - timedelta(hours=1),
        intent="book",
        intent_state="requested",
        next_try_at=timezone.now() - timedelta(minutes=1),
    )

    row = eventually(
        lambda: told(salon.company_id, changes__state__1="declined"), within_s=60
    )[0]

    assert (row.actor, row.actor_name) == ("system", "bookings.sweep")
    assert (row.subject_id, row.address) == (str(appointment.pk), None)


def test_trails_of_two_companies_never_mix(system, salon):
    other = salons.make(system, slug="fremd", number="+493083793370")
    caller = begin(system)
    caller.tool(
        "create_booking", offer_id=first_offer(caller)["offer_id"], name="Rita Rasch"
    )
    eventually(lambda: told(salon.company_id, changes__state__1="booked"))

    assert not told(other.company_id, correlation_id=caller.call_id)
    assert not told(other.company_id, actor="provider")
    with every_company():
        of_all = AuditEntry.objects.filter(correlation_id=caller.call_id)
        assert {entry.company_id for entry in of_all} == {salon.company_id}
        assert Branch.objects.count() == 2
        assert Appointment.objects.get().company_id == salon.company_id
