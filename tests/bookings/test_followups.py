"""What is still to be done or told: once, to the right people, and not for ever."""

from __future__ import annotations

import time
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from bookings import callbacks, confirmations, echoes, fulfilment, intake
from bookings.answers import Declined
from bookings.calendars import CalendarBooking
from bookings.calls import Caller
from bookings.models import Appointment, Callback, Notification, Occupancy
from tenants.scoping import scope
from tests import factories

pytestmark = pytest.mark.django_db

Kind = Callback.Kind


class NoMailServer(BaseEmailBackend):
    """A mail server that nobody can reach."""

    def send_messages(self, email_messages):
        raise ConnectionRefusedError


@pytest.fixture
def branch(settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    branch = factories.make_branch(company=factories.make_company())
    with scope(branch.company_id):
        yield branch


@pytest.fixture
def appointment(branch):
    customer = factories.make_customer(
        company=branch.company, name="Erika Beispiel", email="erika@example.org"
    )
    appointment = factories.make_appointment(
        branch=branch, customer=customer, calcom_uid="uid1", revision=1
    )
    factories.make_occupancy(appointment=appointment)
    return appointment


def due(appointment, **values):
    return factories.make_notification(
        appointment=appointment,
        state="due",
        next_try_at=timezone.now() - timedelta(seconds=1),
        recipient="erika@example.org",
        **{"revision": appointment.revision} | values,
    )


def test_a_confirmation_is_sent_once(appointment):
    one = due(appointment)

    assert confirmations.send(one.pk)
    assert not confirmations.send(one.pk)
    (message,) = mail.outbox
    assert message.to == ["erika@example.org"]
    assert message.attachments[0][0] == "termin.ics"


def test_a_confirmation_that_was_overtaken_is_not_sent(appointment):
    one = due(appointment, revision=0)

    confirmations.send(one.pk)

    one.refresh_from_db()
    assert one.state == "skipped"
    assert mail.outbox == []


def test_a_mail_server_that_is_away_is_tried_three_times(appointment, settings):
    settings.EMAIL_BACKEND = f"{__name__}.NoMailServer"
    one = due(appointment)

    states = []
    for _ in range(3):
        Notification.objects.update(next_try_at=timezone.now() - timedelta(seconds=1))
        confirmations.send(one.pk)
        one.refresh_from_db()
        states.append(one.state)

    assert states == ["due", "due", "dead"]


def test_a_call_has_one_callback_whatever_is_asked_for(branch, appointment):
    call = factories.make_call(branch=branch)

    first = callbacks.store(branch, Kind.UNREACHED, call=call, appointment=appointment)
    again = callbacks.store(
        branch, Kind.REQUESTED, call=call, name="Erika Beispiel", reason="Farbe"
    )

    assert first.pk == again.pk
    assert (again.kind, again.name, again.reason) == (
        "requested",
        "Erika Beispiel",
        "Farbe",
    )
    callbacks.close_of(appointment)
    assert Callback.objects.get().state == "open", "it was promised"


def test_a_callback_that_nobody_was_promised_closes_with_the_telling(
    branch, appointment
):
    callbacks.store(branch, Kind.UNREACHED, appointment=appointment, reason="a")
    callbacks.store(branch, Kind.UNREACHED, appointment=appointment, reason="b")

    callbacks.close_of(appointment)

    assert (Callback.objects.get().state, Callback.objects.get().reason) == (
        "done",
        "a\nb",
    )


@pytest.mark.parametrize("name", ["Unbekannt", "{{name}}", "Frau {{name}}", "  "])
def test_what_is_no_name_is_stored_as_none(branch, name):
    assert callbacks.store(branch, Kind.REQUESTED, name=name, reason="{{x}}").name == ""
    assert Callback.objects.get().reason == ""


def payload(appointment):
    return {"uid": appointment.calcom_uid, "metadata": {}}


def reading(appointment, *later, status="accepted"):
    """Return what the calendar says: the row's booking, then what it was moved to."""
    first = CalendarBooking(
        appointment.calcom_uid,
        "cancelled" if later else status,
        appointment.starts_at,
        appointment.ends_at,
        moved_to_uid=later[0].uid if later else "",
    )
    return echoes.Reading(
        echoes.Ours(appointment.pk, appointment.calcom_uid), (first, *later)
    )


def test_a_confirmation_by_staff_is_told(appointment):
    Appointment.objects.update(state="requested")

    echoes.adopt("BOOKING_CREATED", payload(appointment), reading(appointment))

    assert Appointment.objects.get().state == "booked"
    notification = Notification.objects.get()
    assert (notification.kind, notification.revision) == ("booked", 2)


def test_a_refusal_by_staff_becomes_a_callback(appointment):
    Appointment.objects.update(state="requested")

    echoes.adopt(
        "BOOKING_REJECTED",
        payload(appointment),
        reading(appointment, status="rejected"),
    )

    assert Appointment.objects.get().state == "cancelled"
    assert not Occupancy.objects.exists()
    assert Callback.objects.get().appointment_id == appointment.pk


def test_a_move_by_staff_onto_another_appointment_is_shown(branch, appointment):
    later = appointment.starts_at + timedelta(hours=3)
    other = factories.make_appointment(
        branch=branch, starts_at=later, ends_at=later + timedelta(minutes=30)
    )
    factories.make_occupancy(appointment=other)

    echoes.adopt(
        "BOOKING_RESCHEDULED",
        {"uid": "uid2", "rescheduleUid": "uid1"},
        reading(
            appointment,
            CalendarBooking("uid2", "accepted", later, later + timedelta(minutes=30)),
        ),
    )

    appointment.refresh_from_db()
    assert (appointment.calcom_uid, appointment.starts_at) == ("uid2", later)
    assert Callback.objects.get().appointment_id == appointment.pk
    assert Occupancy.objects.count() == 2


def test_what_staff_have_yet_to_confirm_can_be_cancelled(branch, appointment):
    Appointment.objects.update(state="requested")
    appointment.refresh_from_db()
    caller = Caller(branch, factories.make_call(branch=branch), phone=None)

    first = intake.cancel(caller, appointment, reason="krank")
    again = intake.cancel(caller, appointment, reason="krank")

    assert (first.is_repeated, again.is_repeated) == (False, True)
    row = again.appointment
    assert (row.intent, row.intent_reason) == ("cancel", "krank")


def test_what_is_being_moved_can_not_be_cancelled_as_well(branch, appointment):
    Appointment.objects.update(
        intent="move",
        intent_state="sending",
        wished_starts_at=appointment.starts_at + timedelta(hours=1),
    )
    appointment.refresh_from_db()
    caller = Caller(branch, factories.make_call(branch=branch), phone=None)

    with pytest.raises(Declined) as caught:
        intake.cancel(caller, appointment, reason="")

    assert caught.value.answer.code == "unknown_state"


@pytest.mark.parametrize(
    ("ago_s", "left_s"), [(-7.0, 7.0), (-0.5, 1.0), (1.0, 1.0), (3.0, 0.0), (60.0, 0.0)]
)
def test_nothing_is_sent_once_a_lease_may_be_over(appointment, ago_s, left_s):
    one = fulfilment.Try(appointment, 1, False, deadline=time.monotonic() - ago_s)

    assert one.left_s == pytest.approx(left_s, abs=0.1)
