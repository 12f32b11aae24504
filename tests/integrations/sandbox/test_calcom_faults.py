import http.client
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from integrations.sandbox import installation
from tests.integrations.sandbox.calcom_replay import ask, at_once

ROOT = Path(__file__).parents[3]
BROKEN = (ConnectionError, http.client.HTTPException)


class Client:
    """Somebody who uses the sandbox's Cal.com and pulls its levers."""

    def __init__(self, base_url):
        self.base_url = base_url
        self.key = installation.current().calcom_api_key

    def control(self, method, door, body=None):
        answer = ask(self.base_url, method, f"/_sandbox/{door}", body=body)
        assert answer.status == 200, answer.raw
        return answer.body

    def fault(self, route, kind, value=0, **more):
        self.control(
            "POST", "faults", {"route": route, "kind": kind, "value": value} | more
        )

    def call(self, method, path, *, body=None, version="2024-08-13", **more):
        headers = {"Authorization": f"Bearer {self.key}", "cal-api-version": version}
        return ask(
            self.base_url,
            method,
            f"/calcom{path}",
            headers=headers | more.pop("headers", {}),
            body=body,
            **more,
        )

    def book(self, start=None, timeout=30, **more):
        attendee = {
            "name": "Max Muster",
            "phoneNumber": "+4915112345678",
            "timeZone": "Europe/Berlin",
        }
        wish = {"start": start or next_monday(10), "attendee": attendee}
        event_type = {"eventTypeId": installation.EVENT_TYPE_ID}
        return self.call(
            "POST", "/v2/bookings", body=wish | event_type | more, timeout=timeout
        )

    def bookings(self):
        return self.control("GET", "bookings")["bookings"]


def next_monday(hour):
    day = datetime.now(UTC) + timedelta(days=7)
    day -= timedelta(days=day.weekday())
    return f"{day + timedelta(days=7):%Y-%m-%d}T{hour:02d}:00:00Z"


@pytest.fixture
def client(sandbox_thread):
    return Client(sandbox_thread)


@pytest.mark.django_db
class TestFaults:
    def test_a_line_cut_before_the_write_leaves_nothing(self, client):
        client.fault("POST /v2/bookings", "cut_before", times=1)

        with pytest.raises(BROKEN):
            client.book()

        assert client.bookings() == []
        assert client.book().status == 201

    @pytest.mark.parametrize("kind", ["cut_after", "cut_midway"])
    def test_a_line_cut_after_the_write_leaves_a_booking(self, client, kind):
        client.fault("POST /v2/bookings", kind, times=1)

        with pytest.raises(BROKEN):
            client.book()

        (booking,) = client.bookings()
        assert booking["status"] == "accepted"
        assert client.book().status == 400

    @pytest.mark.parametrize(("kind", "count"), [("delay", 0), ("delay_after", 1)])
    def test_a_delay_is_before_or_after_the_write(self, client, kind, count):
        client.fault("POST /v2/bookings", kind, 1.0, times=1)

        with pytest.raises(TimeoutError):
            client.book(timeout=0.4)

        assert len(client.bookings()) == count
        time.sleep(1.0)
        assert len(client.bookings()) == 1

    def test_too_many_requests_look_as_they_do(self, client):
        client.fault("* /v2/*", "status", 429, times=1)

        answer = client.call("GET", "/v2/me")

        assert answer.status == 429
        assert answer.body["error"]["code"] == "ThrottlerException"
        assert answer.headers["X-RateLimit-Remaining-Default"] == "0"
        assert "Retry-After" not in answer.headers
        assert client.call("GET", "/v2/me").status == 200

    def test_server_errors_have_two_shapes(self, client):
        client.fault("GET /v2/me", "status", 500, times=1)
        client.fault("GET /v2/me", "status", 503, times=1, body="envelope")

        bare, envelope = client.call("GET", "/v2/me"), client.call("GET", "/v2/me")

        assert (bare.status, bare.body) == (
            500,
            {"statusCode": 500, "message": "Internal server error"},
        )
        assert envelope.status == 503
        assert envelope.body["error"]["code"] == "INTERNAL_SERVER_ERROR"

    def test_an_error_can_come_after_the_write(self, client):
        client.fault("POST /v2/bookings", "status_after", 500, times=1)

        assert client.book().status == 500
        assert len(client.bookings()) == 1

    def test_a_changed_shape(self, client):
        client.fault("GET /v2/me", "shape", body={"surprise": []}, times=1)

        answer = client.call("GET", "/v2/me")

        assert (answer.status, answer.body) == (200, {"surprise": []})

    def test_an_order_without_times_holds_until_it_is_cleared(self, client):
        client.control("POST", "faults", {"route": "* /v2/*", "status": 503})
        for _ in range(3):
            assert client.call("GET", "/v2/me").status == 503

        client.control("DELETE", "faults")

        assert client.call("GET", "/v2/me").status == 200

    def test_meets_as_many_requests_as_was_ordered_also_at_once(self, client):
        client.fault("GET /v2/me", "status", 500, times=3)

        answers = at_once(*[lambda: client.call("GET", "/v2/me").status] * 8)

        assert sorted(answers) == [200] * 5 + [500] * 3

    def test_a_route_without_a_provider_is_cal_coms(self, client):
        client.control("POST", "faults", {"route": "* /v2/*", "status": 503})

        key = {"Authorization": "Bearer wrong"}
        answer = ask(
            client.base_url, "GET", "/retell/v2/list-phone-numbers", headers=key
        )

        assert answer.status == 401

    @pytest.mark.parametrize(
        "order", [{}, {"route": "POST"}, {"route": "POST /v2/x", "kind": "explode"}]
    )
    def test_an_order_that_nobody_can_follow_is_refused(self, client, order):
        answer = ask(client.base_url, "POST", "/_sandbox/faults", body=order)

        assert answer.status == 400


@pytest.mark.django_db
class TestControl:
    def test_somebody_else_books_and_the_slot_is_taken(self, client):
        start = next_monday(13)
        client.control("POST", "bookings", {"start": start, "name": "Jemand Anderes"})
        client.control("POST", "bookings", {"start": start, "name": "Jemand Anderes"})

        assert len(client.bookings()) == 1
        answer = client.book(start)
        assert answer.status == 400
        assert answer.body["error"]["message"] == (
            "User either already has booking at this time or is not available"
        )

    def test_the_journal_tells_what_was_asked(self, client):
        client.call("GET", "/v2/me", headers={"X-Correlation-ID": "call_17"})
        first = client.control("GET", "requests")["requests"]
        client.call("GET", "/v2/nowhere")

        (later,) = client.control("GET", f"requests?since={first[-1]['id']}")[
            "requests"
        ]
        assert [(r["method"], r["path"], r["status"]) for r in first] == [
            ("GET", "/calcom/v2/me", 200)
        ]
        assert first[0]["correlation_id"] == "call_17"
        assert later["status"] == 404

    def test_calendars_are_made_that_the_first_key_reaches(self, client):
        made = client.control(
            "POST", "event-types", {"count": 3, "hours": "open", "owner": "team"}
        )["event_types"]

        start = next_monday(2)
        statuses = [client.book(start, eventTypeId=t["id"]).status for t in made]
        listed = client.call("GET", "/v2/bookings").body["data"]
        shown = client.call(
            "GET", f"/v2/event-types/{made[0]['id']}", version="2024-06-14"
        )

        assert statuses == [201, 201, 201]
        assert len(listed) == 3
        assert shown.status == 200

    def test_a_calendar_of_its_own_is_a_strangers(self, client):
        (made,) = client.control("POST", "event-types", {"owner": "own"})["event_types"]

        path = f"/v2/event-types/{made['id']}"
        assert client.call("GET", path, version="2024-06-14").status == 404

    def test_reset_keeps_the_keys_and_nothing_else(self, client):
        client.book()
        client.fault("* /v2/*", "status", 500)

        client.control("POST", "reset")

        assert client.call("GET", "/v2/me").status == 200
        assert client.bookings() == []

    def test_an_unknown_behaviour_is_refused(self, client):
        answer = ask(
            client.base_url, "POST", "/_sandbox/behaviour", body={"mood": "bad"}
        )

        assert answer.status == 400


@pytest.mark.django_db
class TestRefusals:
    def test_a_telephone_number_is_enough_only_where_it_is_allowed(self, client):
        refused = client.book(eventTypeId=installation.EMAIL_EVENT_TYPE_ID)

        assert refused.status == 400
        assert refused.body["error"] == {
            "code": "BAD_REQUEST",
            "message": "responses - {email}error_required_field, ",
        }

    def test_outside_the_hours(self, client):
        assert client.book(next_monday(3)).status == 400

    def test_an_unknown_event_type(self, client):
        answer = client.book(eventTypeId=999)

        assert answer.status == 404
        message = "Event type with id 999 not found."
        assert answer.body["error"]["message"] == message

    def test_a_second_move_names_where_it_went(self, client):
        uid = client.book().body["data"]["uid"]
        path = f"/v2/bookings/{uid}/reschedule"
        new = client.call("POST", path, body={"start": next_monday(11)}).body["data"]

        again = client.call("POST", path, body={"start": next_monday(12)})

        assert again.status == 400
        assert f"already to booking with uid={new['uid']}" in again.raw.decode()


def start_process(port=0):
    return subprocess.Popen(
        [sys.executable, "manage.py", "sandbox", "--port", str(port)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env=os.environ,
    )


@pytest.mark.django_db
def test_the_process_tells_where_it_listens_and_survives_a_restart():
    first = start_process()
    told = json.loads(first.stdout.readline())
    client = Client(told["calcom"]["base_url"].removesuffix("/calcom"))
    client.control("POST", "reset")
    assert client.book().status == 201

    first.send_signal(signal.SIGTERM)
    assert first.wait(5) == 0
    second = start_process()
    try:
        again = json.loads(second.stdout.readline())
        client.base_url = again["calcom"]["base_url"].removesuffix("/calcom")
        assert again["calcom"]["api_key"] == told["calcom"]["api_key"]
        assert again["retell"]["webhook_key"] == told["retell"]["webhook_key"]
        assert len(client.bookings()) == 1
    finally:
        client.control("POST", "reset")
        second.terminate()
        second.wait(5)
        first.stdout.close()
        second.stdout.close()
