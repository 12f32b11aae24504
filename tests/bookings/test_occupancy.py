"""Time is taken once, whoever wants it at once, and nobody waits in a ring."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.utils import timezone

from bookings import occupancy
from bookings.models import Appointment, Occupancy, Offer
from bookings.occupancy import Claim, Resource
from tenants.scoping import scope
from tests import factories

pytestmark = pytest.mark.django_db

DAY = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
Purpose = Occupancy.Purpose


@pytest.fixture
def branch():
    branch = factories.make_branch(company=factories.make_company())
    factories.make_service(branch=branch)
    with scope(branch.company_id):
        yield branch


def slot(number, *, length=2):
    """Return the n-th quarter of the day, half an hour long."""
    begin = DAY + timedelta(minutes=15 * number)
    return begin, begin + timedelta(minutes=15 * length)


def make(branch, number=0, **values):
    return factories.make_appointment(
        branch=branch,
        service=branch.services.first(),
        starts_at=slot(number)[0],
        ends_at=slot(number)[1],
        **values,
    )


def claimed(resource, span, appointment, *, purpose=Purpose.BOOKING, rehearsal=False):
    with transaction.atomic():
        one = Claim(resource, span, purpose, appointment=appointment)
        return bool(occupancy.claim([one], rehearsal=rehearsal))


def held(branch, call, resource, span, *, until):
    offer = Offer(
        company_id=branch.company_id,
        call=call,
        service=branch.services.first(),
        short_id=f"T{Offer.objects.count()}",
        starts_at=span[0],
        rank=1,
        held_until=until,
    )
    with transaction.atomic():
        got = occupancy.claim(
            [Claim(resource, span, Purpose.HOLD, offer=offer, expires_at=until)]
        )
        if got:
            offer.save(force_insert=True)
    return offer if got else None


def soon():
    return timezone.now() + timedelta(minutes=3)


def test_a_time_with_its_buffers_is_taken_once(branch):
    person = Resource(branch.pk)
    service = factories.make_service(
        branch=branch, name="Farbe", buffer_before_min=10, buffer_after_min=5
    )

    assert occupancy.span(service, DAY) == (
        DAY - timedelta(minutes=10),
        DAY + timedelta(minutes=35),
    )
    assert claimed(person, occupancy.span(service, DAY), make(branch))
    assert not claimed(person, occupancy.span(service, DAY + HALF_HOUR), make(branch))
    later = occupancy.span(service, DAY + timedelta(minutes=45))
    assert claimed(person, later, make(branch))


def test_a_group_has_as_many_places_as_it_has(branch):
    group = Resource(branch.pk, places=3)

    got = [claimed(group, slot(0), make(branch, wish_name=str(n))) for n in range(4)]

    assert got == [True, True, True, False]
    busy = occupancy.busy(group, *slot(0), call_id=UUID(int=0))
    assert not occupancy.is_free(slot(0), busy)
    assert occupancy.is_free(slot(2), busy)


def test_a_rehearsal_takes_nobodys_time(branch):
    person = Resource(branch.pk)

    assert claimed(person, slot(0), make(branch, is_rehearsal=True), rehearsal=True)
    assert occupancy.busy(person, *slot(0), call_id=UUID(int=0)) == []
    assert claimed(person, slot(0), make(branch))
    assert not claimed(person, slot(1), make(branch, is_rehearsal=True), rehearsal=True)


def test_a_hold_that_ran_out_gives_way_and_one_that_stands_does_not(branch):
    person, call = Resource(branch.pk), factories.make_call(branch=branch)
    held(branch, call, person, slot(0), until=timezone.now() - timedelta(seconds=1))
    held(branch, call, person, slot(4), until=soon())

    assert claimed(person, slot(0), make(branch))
    assert not claimed(person, slot(4), make(branch, 4))


def test_a_hold_is_accepted_once(branch):
    person, call = Resource(branch.pk), factories.make_call(branch=branch)
    offer = held(branch, call, person, slot(0), until=soon())

    first = occupancy.accept(offer, make(branch))
    second = occupancy.accept(offer, make(branch, wish_name="somebody else"))

    assert (first, second) == (True, False)
    row = Occupancy.objects.get()
    assert (row.purpose, row.expires_at, row.offer_id) == ("booking", None, None)


def test_the_end_of_a_call_frees_what_it_holds_and_nothing_else(branch):
    person, call = Resource(branch.pk), factories.make_call(branch=branch)
    held(branch, call, person, slot(0), until=soon())
    held(branch, factories.make_call(branch=branch), person, slot(4), until=soon())
    claimed(person, slot(8), make(branch, 8))

    occupancy.release_holds(call.pk)

    assert [row.during.lower for row in Occupancy.objects.order_by("during")] == [
        slot(4)[0],
        slot(8)[0],
    ]


@pytest.mark.parametrize("shift", [1, 4])
def test_a_move_keeps_the_old_time_until_it_is_settled(branch, shift):
    person, appointment = Resource(branch.pk), make(branch)
    claimed(person, slot(0), appointment)

    with transaction.atomic():
        assert occupancy.claim_move(appointment, person, slot(shift))
    assert not claimed(person, slot(0), make(branch, wish_name="x"))
    assert not claimed(person, slot(shift), make(branch, shift, wish_name="x"))

    occupancy.settle(appointment, slot(shift))
    row = Occupancy.objects.get()
    assert (row.during.lower, row.during.upper) == slot(shift)
    assert row.purpose == "booking"


@pytest.mark.parametrize("shift", [1, 4])
def test_a_move_that_failed_leaves_the_old_time_alone(branch, shift):
    person, appointment = Resource(branch.pk), make(branch)
    claimed(person, slot(0), appointment)
    with transaction.atomic():
        occupancy.claim_move(appointment, person, slot(shift))

    occupancy.undo_move(appointment, slot(0))

    row = Occupancy.objects.get()
    assert (row.during.lower, row.during.upper) == slot(0)


@pytest.mark.parametrize("shift", [1, 4])
def test_a_move_onto_another_appointment_changes_nothing(branch, shift):
    person, appointment = Resource(branch.pk), make(branch)
    claimed(person, slot(0), appointment)
    claimed(person, slot(shift + 1), make(branch, shift + 1)) or claimed(
        person, slot(2), make(branch, 2)
    )
    before = sorted(Occupancy.objects.values_list("during", flat=True))

    with transaction.atomic():
        assert not occupancy.claim_move(appointment, person, slot(shift))

    assert sorted(Occupancy.objects.values_list("during", flat=True)) == before


def test_a_visit_that_staff_put_elsewhere_is_there_alone(branch):
    person, appointment = Resource(branch.pk), make(branch)
    claimed(person, slot(0), appointment)
    with transaction.atomic():
        occupancy.claim_move(appointment, person, slot(4))
    call = factories.make_call(branch=branch)
    held(branch, call, person, slot(8), until=soon())

    occupancy.settle(appointment, slot(8))

    row = Occupancy.objects.get()
    assert (row.during.lower, row.appointment_id) == (slot(8)[0], appointment.pk)


class Racer:
    """A call that holds, accepts, moves and cancels at random."""

    def __init__(self, branch, resources, seed):
        self.branch, self.resources = branch, resources
        self.random = random.Random(seed)
        self.call = factories.make_call(branch=branch)
        self.offers, self.mine = [], []

    def run(self, gate):
        with scope(self.branch.company_id):
            gate.wait()
            for _ in range(25):
                self.random.choice([self.hold, self.hold, self.book, self.move])()
            connection.close()

    def lock(self, resources):
        occupancy.lock_call(self.call.pk)
        occupancy.lock_resources((one.id for one in resources), call_id=self.call.pk)

    def hold(self):
        claims = []
        for _ in range(6):
            span = slot(self.random.randrange(40))
            offer = Offer(
                company_id=self.branch.company_id,
                call=self.call,
                service=self.branch.services.first(),
                starts_at=span[0],
                rank=1,
                held_until=soon(),
            )
            resource = self.random.choice(self.resources)
            claims.append(
                Claim(resource, span, Purpose.HOLD, offer=offer, expires_at=soon())
            )
        with transaction.atomic():
            self.lock(one.resource for one in claims)
            occupancy.drop_holds(self.call.pk)
            got = occupancy.claim(claims)
            for number, one in enumerate(got):
                one.offer.short_id = f"{Offer.objects.count()}-{number}"
                one.offer.save(force_insert=True)
        self.offers = got

    def book(self):
        if not self.offers:
            return
        claim = self.random.choice(self.offers)
        with transaction.atomic():
            self.lock([claim.resource])
            appointment = factories.make_appointment(
                branch=self.branch,
                service=self.branch.services.first(),
                starts_at=claim.span[0],
                ends_at=claim.span[1],
            )
            assert occupancy.accept(claim.offer, appointment)
            occupancy.drop_holds(self.call.pk)
        self.mine.append((appointment, claim.resource, claim.span))
        self.offers = []

    def move(self):
        if not self.mine:
            return
        number = self.random.randrange(len(self.mine))
        appointment, resource, old = self.mine[number]
        new = slot(
            round((old[0] - DAY) / HALF_HOUR * 2) + self.random.choice([-1, 1, 5])
        )
        with transaction.atomic():
            self.lock([resource])
            if not occupancy.claim_move(appointment, resource, new):
                return
        with transaction.atomic():
            if self.random.random() < 0.5:
                occupancy.settle(appointment, new)
                self.mine[number] = (appointment, resource, new)
            else:
                occupancy.undo_move(appointment, old)


@pytest.mark.parametrize("seed", range(3))
def test_racers_take_no_time_twice_and_never_wait_in_a_ring(branch, seed):
    resources = [
        Resource(branch.pk, places=3),
        *(Resource(factories.make_staff(branch=branch).pk) for _ in range(2)),
    ]
    racers = [Racer(branch, resources, f"{seed}-{n}") for n in range(8)]
    gate = Barrier(len(racers))

    with ThreadPoolExecutor(len(racers)) as threads:
        for done in [threads.submit(racer.run, gate) for racer in racers]:
            done.result()

    booked = Counter(
        Occupancy.objects.filter(purpose="booking").values_list(
            "appointment", flat=True
        )
    )
    assert set(booked.values()) == {1}
    assert len(booked) == Appointment.objects.count()
    assert not Occupancy.objects.filter(purpose="move").exists()
    mine = [one for racer in racers for one in racer.mine]
    for appointment, resource, span in mine:
        row = Occupancy.objects.get(appointment=appointment)
        assert row.resource == resource.id
        assert (row.during.lower, row.during.upper) == span
