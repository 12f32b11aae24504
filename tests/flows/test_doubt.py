"""The calendar and we disagree, or nobody knows: both agree in the end."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from bookings import fulfilment
from bookings.models import Appointment, Callback, Occupancy
from integrations.sandbox.caller import ANONYMOUS
from tenants.models import Branch, Service, Staff, StaffService
from tenants.scoping import scope
from tests import factories
from tests.flows.test_book import begin, first_offer, ours, workday
from tests.flows.test_change import booked, live
from tests.flows.test_echo import calcom
from tests.system import eventually


def moved_by_staff(system, booking, start):
    path = f"/v2/bookings/{booking['uid']}/reschedule"
    reply = calcom(system, path, {"start": start.replace("+00:00", "Z")})
    assert reply.status == 201, reply


def other_time(system, ahead=6):
    return first_offer(begin(system, number=ANONYMOUS), date=workday(ahead=ahead))[
        "starts_at"
    ]


def settled(branch, **wanted):
    with scope(branch.company_id):
        return eventually(
            lambda: Appointment.objects.filter(intent__isnull=True, **wanted).first(),
            within_s=60,
        )


def test_a_refused_look_up_leaves_the_outcome_unknown(system, salon):
    caller = begin(system)
    offer = first_offer(caller)
    system.fault("POST /v2/bookings", "cut_after", times=1)
    system.fault("GET /v2/bookings", "status", 401)

    told = caller.tool("create_booking", offer_id=offer["offer_id"], name="Lars Leise")

    assert told["code"] == "pending"
    with scope(salon.company_id):
        callback = eventually(lambda: Callback.objects.first())
        row = Appointment.objects.get()
        assert row.state in ("unknown", "booking")
        assert callback.appointment_id == row.pk
        assert Occupancy.objects.filter(appointment=row).exists()
    system.control("DELETE", "faults")
    row = settled(salon, state="booked")
    assert [one["uid"] for one in ours(system)] == [row.calcom_uid]


def test_a_booking_that_staff_moved_before_we_saw_it_is_adopted_there(system, salon):
    target = other_time(system)
    caller = begin(system)
    offer = first_offer(caller)
    system.fault("POST /v2/bookings", "cut_after", times=1)

    caller.tool("create_booking", offer_id=offer["offer_id"], name="Lars Leise")
    moved_by_staff(system, ours(system)[0], target)

    row = settled(salon, state="booked")
    assert row.starts_at.isoformat() == target
    with scope(salon.company_id):
        taken = Occupancy.objects.get(appointment=row)
        assert (taken.during.lower, taken.during.upper) == (row.starts_at, row.ends_at)
    assert [one["uid"] for one in live(system)] == [row.calcom_uid]


def test_a_cancellation_without_an_answer_follows_a_move_by_staff(system, salon):
    booked(system)
    target = other_time(system)
    caller = begin(system)
    system.fault("POST /v2/bookings/*/cancel", "cut_before", times=1)

    told = caller.tool("cancel_booking")
    moved_by_staff(system, ours(system)[0], target)

    assert told["code"] == "pending"
    settled(salon, state="cancelled")
    assert live(system) == []


def test_moving_what_staff_cancelled_ends_with_both_agreeing(system, salon):
    booked(system)
    path = f"/v2/bookings/{ours(system)[0]['uid']}/cancel"
    assert calcom(system, path, {"cancellationReason": "krank"}).status == 200
    caller = begin(system)

    answer = caller.tool("reschedule_booking", date=workday(ahead=6), time="15:00")

    assert answer["success"] is False
    settled(salon, state="cancelled")
    with scope(salon.company_id):
        assert not Occupancy.objects.filter(appointment__isnull=False).exists()
        assert Callback.objects.filter(state="open").exists()


def test_a_visit_at_a_branch_with_several_people_can_be_moved(system, salon):
    with scope(salon.company_id):
        Staff.objects.update(calcom_user_id=ours_host(system))
        other = Staff.objects.create(
            company_id=salon.company_id, branch=salon, name="Bruno Bart"
        )
        StaffService.objects.create(
            company_id=salon.company_id, staff=other, service=Service.objects.get()
        )
    booked(system)
    with scope(salon.company_id):
        assert Appointment.objects.get().staff.name == "Anna Kamm"
    caller = begin(system)

    answer = caller.tool("reschedule_booking", date=workday(ahead=6), time="15:00")

    assert answer["code"] == "booked", answer
    with scope(salon.company_id):
        row = Occupancy.objects.get()
        assert row.resource == salon.pk
        assert row.during.lower == Appointment.objects.get().starts_at


def ours_host(system):
    """Return the sandbox's user, who hosts every booking."""
    booking = system.control(
        "POST", "bookings", {"start": f"{workday(ahead=9)}T10:00:00", "name": "Wer da"}
    )
    return (booking.get("booking") or booking)["hosts"][0]["id"]


def test_what_was_noted_is_not_booked_once_it_is_too_late(system, salon):
    with scope(salon.company_id):
        Branch.objects.update(minimum_notice_min=120)
        customer = factories.make_customer(company=salon.company)
        starts_at = timezone.now() + timedelta(minutes=30)
        row = factories.make_appointment(
            branch=salon,
            service=Service.objects.get(),
            customer=customer,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=30),
            state="requested",
            intent="book",
            intent_state="requested",
            next_try_at=timezone.now(),
        )
        factories.make_occupancy(appointment=row)
        fulfilment.attempt(row.pk)
    settled(salon, state="declined")

    with scope(salon.company_id):
        assert not Occupancy.objects.exists()
        assert Callback.objects.get().appointment_id == row.pk
    assert ours(system) == []
