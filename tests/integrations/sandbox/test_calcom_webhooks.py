import hashlib
import hmac
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from integrations.sandbox.models import (
    CalcomBooking,
    CalcomWebhook,
    Delivery,
    Installation,
)
from integrations.sandbox.webhooks import TRIGGERS
from tests.integrations.sandbox.calcom_replay import ask, at_once, recording

SECRET = "whsec_local_example"
VOLATILE = {"oneTimePassword", "attendeeSeatId", "rescheduleId", "bookingId", "iCalUID"}


class Subscriber:
    """Takes deliveries, and asks back while it is waited for."""

    def __init__(self):
        self.deliveries = []
        self.status, self.wait_s = 200, 0
        self.asks = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,))
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def triggers(self):
        return [json.loads(raw)["triggerEvent"] for raw, _ in self.deliveries]


def _handler_of(subscriber):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            subscriber.deliveries.append((raw, dict(self.headers)))
            if subscriber.asks:
                subscriber.asks(json.loads(raw))
            time.sleep(subscriber.wait_s)
            self.send_response(subscriber.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    return Handler


@pytest.fixture
def subscriber(recorded_salon):
    listening = Subscriber()
    CalcomWebhook.objects.create(
        user=recorded_salon.owner,
        subscriber_url=listening.url,
        triggers=list(TRIGGERS),
        secret=SECRET,
    )
    yield listening
    listening.close()


def compare(salon, name, raw):
    there = recording(name)["request"]["body"]
    here = json.loads(raw)
    salon.learn(there, here)
    for body in (there, here):
        body["payload"] = {
            key: type(value).__name__ if key in VOLATILE else value
            for key, value in body["payload"].items()
        }
    assert list(salon.differences(there, here, name)) == []


@pytest.mark.django_db
class TestSubscriptions:
    def test_are_made_shown_and_changed(self, recorded_salon):
        recorded_salon.play(
            "webhook_create_http_loopback",
            "webhook_create_duplicate_url",
            "webhook_create_unknown_trigger",
            "webhook_create_bad_url",
            "webhooks_list_200",
            "webhook_get_200",
            "webhook_get_404",
            "webhook_patch_200",
        )


@pytest.mark.django_db
class TestBodies:
    @pytest.mark.parametrize(
        ("webhook", "exchanges"),
        [
            ("created", ["booking_create_201"]),
            ("rescheduled", ["booking_create_201", "reschedule_201"]),
            (
                "cancelled",
                [
                    "booking_create_201",
                    "reschedule_201",
                    "reschedule_no_reason_anonymous_201",
                    "cancel_200",
                ],
            ),
            ("requested", ["confirm_booking_create_pending_201"]),
            (
                "created_after_confirm",
                ["confirm_booking_create_pending_201", "confirm_200"],
            ),
            ("rejected", ["confirm_booking_create_pending_2", "decline_200"]),
            ("created_seated", ["seats_first_201"]),
            ("created_phone_only", ["phone_only_booking_201"]),
        ],
    )
    def test_are_as_they_were_recorded(
        self, recorded_salon, subscriber, webhook, exchanges
    ):
        recorded_salon.play(*exchanges)

        raw, _ = subscriber.deliveries[-1]
        compare(recorded_salon, f"webhook_booking_{webhook}", raw)

    def test_of_a_move_that_needs_a_confirmation(self, recorded_salon, subscriber):
        recorded_salon.book("pMeKrqFMufyUXV3HLCuqiw", "2026-12-23T12:00:00Z", 2)
        recorded_salon.play("reschedule_confirmed_anonymous_becomes_pending_201")

        raw, _ = subscriber.deliveries[-1]
        name = "webhook_booking_requested_after_reschedule"
        compare(recorded_salon, name, raw)

    def test_of_somebody_who_did_not_come(self, recorded_salon, subscriber):
        uid = recorded_salon.book("jP4N7VivU79nVadewJqdac", "2027-01-21T10:00:00Z")
        CalcomBooking.objects.filter(uid=uid).update(
            starts_at="2026-11-02T10:00:00Z", ends_at="2026-11-02T10:30:00Z"
        )
        marked = [{"email": "max@muster.example", "absent": True}]
        answer = ask(
            recorded_salon.base_url,
            "POST",
            f"/v2/bookings/{uid}/mark-absent",
            headers={
                "Authorization": "Bearer cal_key_aaaa",
                "cal-api-version": "2024-08-13",
            },
            body={"host": False, "attendees": marked},
        )

        assert answer.status == 200
        assert answer.body["data"]["attendees"][0]["absent"] is True
        raw, _ = subscriber.deliveries[-1]
        compare(recorded_salon, "webhook_booking_no_show_updated", raw)

    def test_are_signed_over_the_raw_bytes(self, recorded_salon, subscriber):
        recorded_salon.play("booking_create_201")

        raw, headers = subscriber.deliveries[0]
        expected = hmac.new(SECRET.encode(), raw, hashlib.sha256).hexdigest()
        assert headers["X-Cal-Signature-256"] == expected
        there = recording("webhook_booking_created")["request"]
        signed = there["body_raw"].encode()
        assert there["headers"]["X-Cal-Signature-256"] == (
            hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        )
        assert headers["X-Cal-Webhook-Version"] == "2021-10-20"

    def test_without_a_secret_say_so(self, recorded_salon, subscriber):
        CalcomWebhook.objects.update(secret=None)

        recorded_salon.play("booking_create_201")

        headers = subscriber.deliveries[0][1]
        assert headers["X-Cal-Signature-256"] == "no-secret-provided"


@pytest.mark.django_db
class TestDelivery:
    def test_happens_inside_the_create_which_waits(self, recorded_salon, subscriber):
        seen = []
        subscriber.wait_s = 0.5
        subscriber.asks = lambda body: seen.append(
            recorded_salon.send_get(f"/v2/bookings/{body['payload']['uid']}").status
        )
        begun = time.monotonic()

        recorded_salon.play("booking_create_201")

        assert time.monotonic() - begun >= 0.5
        assert seen == [200]

    def test_of_a_cancel_comes_before_it_is_written(self, recorded_salon, subscriber):
        recorded_salon.play("booking_create_for_cancel_4")
        seen = []
        subscriber.asks = lambda body: seen.append(
            recorded_salon.send_get(f"/v2/bookings/{body['payload']['uid']}").body[
                "data"
            ]["status"]
        )

        recorded_salon.play("cancel_stranger_key_200")

        assert seen == ["accepted"]

    def test_that_fails_changes_nothing_and_is_not_repeated(
        self, recorded_salon, subscriber
    ):
        subscriber.status = 500
        recorded_salon.play("booking_create_failing_webhook_201")
        CalcomWebhook.objects.update(subscriber_url="http://127.0.0.1:1/nobody")
        recorded_salon.play("booking_create_dead_webhook_201")

        states = list(Delivery.objects.order_by("at").values_list("state", "status"))
        assert states == [("sent", 500), ("failed", None)]
        assert CalcomBooking.objects.filter(status="accepted").count() == 2

    @pytest.mark.parametrize(
        ("mode", "triggers"),
        [
            ("off", []),
            ("double", ["BOOKING_CREATED", "BOOKING_CREATED"]),
        ],
    )
    def test_can_be_off_or_doubled(self, recorded_salon, subscriber, mode, triggers):
        Installation.objects.update(webhook_mode=mode)

        recorded_salon.play("booking_create_201")

        assert subscriber.triggers() == triggers
        assert len({raw for raw, _ in subscriber.deliveries}) == len(triggers[:1])

    def test_can_come_in_another_order(self, recorded_salon, subscriber):
        Installation.objects.update(webhook_mode="reordered")

        recorded_salon.play("booking_create_201", "reschedule_201")

        assert subscriber.triggers() == ["BOOKING_RESCHEDULED", "BOOKING_CREATED"]

    def test_can_be_late(self, recorded_salon, subscriber):
        Installation.objects.update(webhook_mode="late", late_s=0.3)

        recorded_salon.play("booking_create_201")

        assert subscriber.triggers() == []
        give_up = time.monotonic() + 10
        while not Delivery.objects.exists() and time.monotonic() < give_up:
            time.sleep(0.05)
        assert subscriber.triggers() == ["BOOKING_CREATED"]

    def test_of_two_cancels_at_once_happens_twice(self, recorded_salon, subscriber):
        Installation.objects.update(thinking_s=0.3)
        recorded_salon.book("inyHqHUXCGUnzL4UYWbRYs", "2026-12-30T09:00:00Z")

        at_once(
            lambda: recorded_salon.send("parallel_cancel_1"),
            lambda: recorded_salon.send("parallel_cancel_2"),
        )

        assert subscriber.triggers()[1:] == ["BOOKING_CANCELLED", "BOOKING_CANCELLED"]
