"""The demo's checks can turn false: each is shown a world in which its claim fails."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from django.db import transaction

from askpro.demo import checks, play
from bookings.models import (
    Appointment,
    AppointmentChange,
    Call,
    Notification,
    Occupancy,
)
from integrations.models import ToolCall
from integrations.sandbox.world import World
from tenants.scoping import COMPANY_ROLE, scope
from tests.mutate.stage import superuser_url
from webhooks.models import WebhookLog

pytestmark = pytest.mark.proof


def of(evidence, letter):
    return evidence.appointments(letter)[0]


def unbook(evidence, letter):
    """Return the evidence without the calendar's record of an appointment."""
    mine = evidence.of_key(of(evidence, letter))
    kept = [one for one in evidence.bookings if one not in mine]
    return replace(evidence, bookings=kept)


def again(evidence, letter):
    """Return the evidence with a second booking of the same appointment."""
    booking = evidence.of_key(of(evidence, letter))[0] | {"uid": "a second one"}
    return replace(evidence, bookings=[*evidence.bookings, booking])


def heard(evidence, letter, outcome):
    reports = [
        one | {"outcome": outcome} if one["scenario"] == letter else one
        for one in evidence.reports
    ]
    return replace(evidence, reports=reports)


def slow(evidence):
    first = evidence.reports[0]
    steps = [step | {"duration_ms": 2001} for step in first["steps"]]
    return replace(evidence, reports=[first | {"steps": steps}, *evidence.reports[1:]])


def change(model, **values):
    def apply(evidence):
        model.objects.update(**values)
        return evidence

    return apply


def delete(model, **chosen):
    def apply(evidence):
        model.objects.filter(**chosen).delete()
        return evidence

    return apply


def keep_time(evidence):
    row = of(evidence, "a")
    other = Occupancy.objects.filter(appointment=of(evidence, "d"))
    other.update(appointment=row)
    return evidence


def double_delivery(evidence):
    (call,) = evidence.calls("h")
    log = WebhookLog.objects.filter(
        correlation_id=call.correlation_id, event="call_started"
    ).first()
    log.pk, log.external_key = None, b"another" * 4
    log.save(force_insert=True)
    return evidence


def overlap(evidence):
    one = evidence.of_key(of(evidence, "d"))[0]
    other = evidence.of_key(of(evidence, "h"))[0]
    moved = other | {"start": one["start"], "end": one["end"]}
    kept = [booking for booking in evidence.bookings if booking != other]
    return replace(evidence, bookings=[*kept, moved])


def number_for_anonymous(evidence):
    customer = of(evidence, "d").customer
    customer.phone = "+493012345678"
    customer.save()
    return evidence


BREAKS = {
    "calendar_agrees": [
        lambda evidence: unbook(evidence, "d"),
        lambda evidence: again(evidence, "h"),
        change(Appointment, state="cancelled"),
        change(Appointment, intent="move"),
    ],
    "alternatives_then_booked": [
        delete(ToolCall, tool="check_availability"),
        lambda evidence: unbook(evidence, "a"),
    ],
    "confirmed_in_writing": [change(Notification, state="dead"), delete(Notification)],
    "moved": [
        delete(AppointmentChange, what="move"),
        lambda evidence: unbook(evidence, "a"),
        change(Appointment, earlier_uids=[]),
    ],
    "cancelled": [change(Appointment, state="booked"), keep_time],
    "anonymous_booked": [lambda one: unbook(one, "d"), number_for_anonymous],
    "race_has_one_winner": [
        lambda evidence: heard(evidence, "e", "booked"),
        lambda evidence: unbook(evidence, "e"),
        lambda evidence: again(evidence, "e"),
    ],
    "noted_then_booked": [
        lambda evidence: unbook(evidence, "f"),
        change(ToolCall, code="booked"),
    ],
    "late_answer_books_once": [
        lambda evidence: again(evidence, "g"),
        change(Appointment, state="unknown"),
    ],
    "nothing_doubles": [
        double_delivery,
        lambda evidence: again(evidence, "h"),
        change(Call, status="ended"),
    ],
    "one_correlation_id": [
        change(ToolCall, correlation_id="another"),
        change(Call, call_id=None),
    ],
    "answers_within_two_seconds": [slow],
    "deliveries_processed": [change(WebhookLog, state="dead"), delete(WebhookLog)],
    "nobody_overlaps": [overlap],
}


@pytest.fixture
def may_damage():
    """Let the application change what it only ever adds to."""
    table, role = AppointmentChange._meta.db_table, COMPANY_ROLE
    with psycopg.connect(superuser_url(), autocommit=True) as superuser:
        superuser.execute(f"GRANT UPDATE, DELETE ON {table} TO {role}")
        yield
        superuser.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {role}")


def test_each_check_holds_and_turns_false_when_its_path_breaks(
    system, salon, may_damage
):
    world = World.of_sandbox(system.web_url, system.sandbox_url, service="Beratung")
    with scope(salon.company_id):
        reports = play.all_scenarios(world, tell=lambda line: None)
        evidence = play.evidence(reports, system.sandbox_url)
        judged = {check.name: check for check in checks.all_checks(evidence)}

        assert {name for name, check in judged.items() if not check.ok} == set(), judged
        assert set(judged) == set(BREAKS)
        for name, breaks in BREAKS.items():
            for number, damage in enumerate(breaks):
                with transaction.atomic():
                    after = checks.all_checks(damage(evidence))
                    transaction.set_rollback(True)
                broken = {check.name for check in after if not check.ok}
                assert name in broken, (name, number)
