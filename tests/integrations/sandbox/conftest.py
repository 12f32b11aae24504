import datetime as dt
import threading

import pytest
import time_machine

from integrations.sandbox import installation
from integrations.sandbox.calcom_event_types import phone_only_fields
from integrations.sandbox.server import SandboxServer
from tests.integrations.sandbox.calcom_replay import Replay
from tests.integrations.sandbox.stand_in import StandIn

#: Threads that answer, or deliver later: they outlive the server.
STILL_AT_WORK = "(process_request_thread)", "(_flush)", "(later)"
#: When the recordings were made.
RECORDED_AT = dt.datetime(2026, 11, 25, 4, 50, tzinfo=dt.UTC)
TYPES = (
    "event_type_create_201",
    "event_type_create_confirm",
    "event_type_create_notice",
    "event_type_create_limit",
    "event_type_create_seats",
    "event_type_create_noresched",
    "event_type_create_two_locations",
    "event_type_create_resched_notice",
)
CUSTOM = [
    {
        "type": "phone",
        "slug": "attendeePhoneNumber",
        "required": True,
        "label": "Telefon",
        "placeholder": "+49",
        "hidden": False,
    },
    {
        "type": "select",
        "slug": "anlass",
        "label": "Anlass",
        "required": True,
        "placeholder": "wählen",
        "options": ["Erstberatung", "Folgetermin"],
    },
    {"type": "number", "slug": "alter", "label": "Alter", "required": False},
]


@pytest.fixture
def web():
    stand_in = StandIn()
    yield stand_in
    stand_in.close()


@pytest.fixture
def sandbox_thread(_django_db_helper):
    """A sandbox of this process, its state as new; where it listens."""
    installation.reset()
    installation.remember()
    server = SandboxServer(0)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server.base_url
    server.shutdown()
    server.server_close()
    thread.join()
    for busy in threading.enumerate():
        if busy.name.endswith(STILL_AT_WORK):
            busy.join(30)
    installation.reset()


@pytest.fixture
def replay(sandbox_thread):
    with time_machine.travel(RECORDED_AT, tick=True):
        yield Replay(f"{sandbox_thread}/calcom")


@pytest.fixture
def recorded_salon(replay):
    """The recorded salon with its event types, made as they were recorded."""
    replay.play(*TYPES)
    fields = {"title": "Beratung", "slug": "beratung", "lengthInMinutes": 20}
    replay.post_event_type(4, fields | {"bookingFields": CUSTOM})
    replay.make_event_type(7, "massage", "Massage", lengthInMinutesOptions=[30, 60])
    limit = {"maximumActiveBookings": 1, "offerReschedule": True}
    replay.make_event_type(11, "einmal", "Einmal", bookerActiveBookingsLimit=limit)
    replay.make_event_type(
        12, "geprueft", "Geprüft", requiresBookerEmailVerification=True
    )
    fields = phone_only_fields()
    fields[-1]["required"] = True
    replay.make_event_type(14, "nur-telefon", "Nur Telefon", fields=fields)
    return replay
