"""c4, c13: whatever Cal.com tells of a booking, in any order, its record decides."""

from __future__ import annotations

import copy
import itertools
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookings import occupancy
from bookings.echoes import ENDS, ChangedMeanwhile
from bookings.models import Appointment, Occupancy
from integrations.sandbox import wire
from integrations.sandbox.models import CalcomBooking, CalcomWebhook, Delivery
from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from tests import factories as make
from tests.system import eventually
from webhooks import providers
from webhooks.handlers import StoredDelivery

TRIGGERS = sorted(providers.named("calcom").handlers)
#: Nobody listens there: what was to be sent is found in the sandbox's own rows.
NOBODY = "http://127.0.0.1:9/"
Json = dict[str, Any]


class World:
    """A branch, a calendar of its own at the sandbox, and one visit after the other."""

    def __init__(self, system, branch) -> None:
        self.system, self.branch = system, branch
        policy = {"confirmationPolicy": {"type": "always"}}
        made = [
            system.control(
                "POST",
                "event-types",
                {"owner": "own", "hours": "open", "settings": more},
            )["event_types"][0]
            for more in ({}, policy)
        ]
        self.types = dict(zip((False, True), made, strict=True))
        for one in made:
            CalcomWebhook.objects.create(
                user_id=one["user_id"],
                subscriber_url=NOBODY,
                triggers=TRIGGERS,
                is_active=True,
            )
        with every_company():
            self.account = ProviderAccount.objects.get(
                company=branch.company_id, provider="calcom"
            )
        with scope(branch.company_id):
            self.service = branch.services.get()
        self.days = itertools.count(2)

    def call(self, method: str, path: str, body: Json) -> Json:
        """Use the calendar as its owner does."""
        reply = wire.send(
            method,
            f"{self.system.sandbox['calcom']['base_url']}/v2/bookings{path}",
            wire.compact(body),
            headers={
                "Authorization": f"Bearer {self.type['api_key']}",
                "cal-api-version": "2024-08-13",
            },
        )
        assert reply.is_success, (path, reply)
        return reply.json()["data"]

    def begin(self, *, needs_confirmation: bool) -> Appointment:
        """Return a visit that both sides know, nothing under way."""
        self.type = self.types[needs_confirmation]
        with every_company():
            # Each calendar has an owner, and a key.
            ProviderAccount.objects.filter(pk=self.account.pk).update(
                api_key=self.type["api_key"]
            )
            type(self.branch).objects.filter(pk=self.branch.pk).update(
                calcom_event_type_id=self.type["id"]
            )
        tomorrow = datetime.now(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
        self.starts_at = tomorrow + timedelta(days=next(self.days))
        key = uuid.uuid4()
        booking = self.call(
            "POST",
            "",
            {
                "start": _utc(self.starts_at),
                "eventTypeId": self.type["id"],
                "attendee": {
                    "name": "Erika Beispiel",
                    "timeZone": "Europe/Berlin",
                    "phoneNumber": "+493023125042",
                },
                "metadata": {"askpro_appointment": str(key)},
            },
        )
        row = make.make_appointment(
            branch=self.branch,
            service=self.service,
            key=key,
            starts_at=self.starts_at,
            calcom_uid=booking["uid"],
            event_type_id=self.type["id"],
            state="requested" if needs_confirmation else "booked",
        )
        make.make_occupancy(
            appointment=row, during=occupancy.span(self.service, self.starts_at)
        )
        self.chain = [booking["uid"]]
        return row

    def status(self) -> str:
        """Return the state of the booking that stands, as the calendar has it."""
        return str(CalcomBooking.objects.get(uid=self.chain[-1]).status)

    def do(self, what: str) -> None:
        """Change the booking in the calendar, where that makes sense now."""
        status, path = self.status(), f"/{self.chain[-1]}"
        if status in ("cancelled", "rejected"):
            return
        if what == "move":
            self.starts_at += timedelta(hours=1)
            body = {"start": _utc(self.starts_at)}
            self.chain.append(self.call("POST", f"{path}/reschedule", body)["uid"])
        elif what == "cancel":
            self.call("POST", f"{path}/cancel", {"cancellationReason": "krank"})
        elif status == "pending":
            self.call("POST", f"{path}/{what}", {})

    def told(self) -> list[Json]:
        """Return what the calendar told of this visit, the oldest first."""
        rows = Delivery.objects.filter(booking_uid__in=self.chain).order_by("at")
        return [json.loads(row.body) for row in rows]

    def deliver(self, body: Json) -> None:
        """Work on an event as a worker does."""
        delivery = StoredDelivery(
            log_id=uuid.uuid4(),
            provider="calcom",
            event=body["triggerEvent"],
            body=copy.deepcopy(body),
            account_id=self.account.pk,
            company_id=self.branch.company_id,
            correlation_id="evt_of_a_test",
        )
        handler = providers.named("calcom").handler_of(delivery.event)
        owner = handler.resolve(delivery)

        def is_applied() -> bool:
            try:
                handler.apply(delivery, owner, handler.look(delivery, owner))
            except ChangedMeanwhile:
                return False  # the running system polls: it was quicker
            return True

        eventually(is_applied)

    def assert_agrees(self, row: Appointment) -> None:
        """Show that our row says what the calendar says."""
        wanted = {"accepted": "booked", "pending": "requested"}
        state = wanted.get(self.status(), "cancelled")
        with scope(self.branch.company_id):
            row.refresh_from_db()
            times = list(Occupancy.objects.filter(appointment=row))
        assert (row.state, row.starts_at) == (state, self.starts_at)
        assert [*row.earlier_uids, row.calcom_uid] == self.chain
        span = occupancy.span(self.service, self.starts_at)
        spans = [(one.during.lower, one.during.upper) for one in times]
        assert spans == ([] if state == "cancelled" else [span])


def _utc(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def world(system, salon):
    return World(system, salon)


def _some(draw, world: World, *, most: int) -> list[Json]:
    """Draw some of what was told, in any order, some twice, some under other names."""
    told = world.told()
    drawn = draw(st.lists(st.sampled_from(told), max_size=most))
    events = [copy.deepcopy(one) for one in drawn]
    for event in events:
        if draw(st.integers(0, 4)) == 0:
            # That the booking which stands is over must not be told wrongly.
            stands = event["payload"]["uid"] == world.chain[-1]
            names = [name for name in TRIGGERS if not (stands and name in ENDS)]
            event["triggerEvent"] = draw(st.sampled_from(names))
    return events


def test_every_order_of_a_bookings_events_ends_as_the_calendar_has_it(world):
    @given(st.data(), st.booleans())
    @settings(
        max_examples=40,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(data, needs_confirmation: bool) -> None:
        row = world.begin(needs_confirmation=needs_confirmation)
        steps = st.sampled_from(("move", "cancel", "confirm", "decline"))
        for step in data.draw(st.lists(steps, min_size=1, max_size=4)):
            world.do(step)
            for event in _some(data.draw, world, most=2):
                world.deliver(event)
        last = data.draw(st.sampled_from(world.told()))
        for event in [*_some(data.draw, world, most=3), last]:
            world.deliver(event)
        world.assert_agrees(row)

    check()


def test_a_cancellation_counts_before_the_calendar_has_written_it(world):
    row = world.begin(needs_confirmation=False)
    world.do("cancel")
    created, cancelled = world.told()
    CalcomBooking.objects.filter(uid=row.calcom_uid).update(status="accepted")

    for event in (cancelled, created, cancelled):
        world.deliver(event)

    with scope(world.branch.company_id):
        row.refresh_from_db()
        assert not Occupancy.objects.exists()
        assert row.changes.count() == 1
    assert row.state == "cancelled"


def test_a_cancellation_of_what_was_moved_undoes_nothing(world):
    row = world.begin(needs_confirmation=False)
    first = row.calcom_uid
    world.do("move")
    moved = world.told()[-1]
    wrong = copy.deepcopy(moved) | {"triggerEvent": "BOOKING_CANCELLED"}
    wrong["payload"] = {"uid": first, "eventTypeId": world.type["id"]}

    for event in (wrong, moved, wrong):
        world.deliver(event)

    world.assert_agrees(row)


def test_what_was_given_up_lives_again_where_the_calendar_has_moved_it(world):
    row = world.begin(needs_confirmation=False)
    first = row.calcom_uid
    too_early = {
        "triggerEvent": "BOOKING_CANCELLED",
        "payload": {"uid": first, "eventTypeId": world.type["id"]},
    }
    world.deliver(too_early)
    with scope(world.branch.company_id):
        row.refresh_from_db()
        assert (row.state, Occupancy.objects.exists()) == ("cancelled", False)
    world.do("move")

    world.deliver(world.told()[-1])

    world.assert_agrees(row)
