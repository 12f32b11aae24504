import json
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
import responses
from responses import matchers

from bookings.calendars import Attendee, Slot
from integrations.breaker import Breaker
from integrations.calcom.client import PAGE, CalcomClient, utc
from integrations.errors import ProviderError, ProviderRejected
from tests.integrations.calcom.payloads import example, recorded

BASE = "https://api.cal.example"
KEY = UUID("9d1f6f0e-5f3a-4f66-9a64-0a8f5f1f7c11")
UID = "pQ7rTz3mKc9vWx2LhNb4Ya"
NINE = datetime(2026, 12, 8, 9, tzinfo=UTC)
ATTENDEE = Attendee(
    name="Sabine Beispiel", time_zone="Europe/Berlin", phone="+493023125011"
)


@pytest.fixture
def calcom():
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def exchanges():
    return []


@pytest.fixture
def client(exchanges):
    return CalcomClient(
        BASE,
        api_key="cal_live_0000EXAMPLE0000",
        account_key="calcom-client-test",
        record=exchanges.append,
        breaker=Breaker("calcom-client-test"),
    )


def sent(version=None):
    """Match our headers; without a version any will do."""
    headers = {"Authorization": "Bearer cal_live_0000EXAMPLE0000"}
    if version:
        headers["cal-api-version"] = version
    return matchers.header_matcher(headers)


def test_the_key_tells_its_owner(client, calcom):
    calcom.get(f"{BASE}/v2/me", json=example("me_200"), match=[sent()])

    me = client.me(timeout_s=1)

    assert (me.id, me.username) == (910043, "katrin-vogel")
    assert (me.email, me.time_zone) == ("katrin.vogel@example.com", "Europe/Berlin")


@pytest.mark.parametrize("base_url", [f"{BASE}/", f"{BASE}/v2", f"{BASE}/v2/"])
def test_the_base_url_is_taken_as_people_write_it(base_url, calcom):
    calcom.get(f"{BASE}/v2/me", json=example("me_200"))

    client = CalcomClient(
        base_url,
        api_key="cal_x\n",
        account_key="calcom-client-test",
        record=lambda exchange: None,
        breaker=Breaker("calcom-client-test"),
    )

    assert client.me(timeout_s=1).id == 910043


def test_an_event_type_tells_what_it_demands(client, calcom):
    calcom.get(
        f"{BASE}/v2/event-types/5100311",
        json=example("event_type_get_200"),
        match=[sent("2024-06-14")],
    )

    found = client.event_type(5100311, timeout_s=1)

    assert (found.id, found.length_min, found.lengths_min) == (5100311, 45, ())
    assert found.required == {
        "name",
        "email",
        "attendeePhoneNumber",
        "haarlaenge",
        "title",
    }
    assert (found.minimum_notice_min, found.buffer_after_min) == (120, 10)
    assert found.host_ids == (910043,)
    assert not found.needs_confirmation
    assert not found.has_seats
    assert not found.is_recurring


def test_a_teams_event_type_is_read_too(client, calcom):
    body = example("event_type_team_get_200")
    calcom.get(f"{BASE}/v2/event-types/1", json=body)

    found = client.event_type(1, timeout_s=1)

    assert found.id == body["data"]["id"]
    assert found.host_ids == tuple(host["userId"] for host in body["data"]["hosts"])
    assert not found.is_managed


def test_event_types_are_listed(client, calcom):
    body = example("event_types_list_200")
    calcom.get(f"{BASE}/v2/event-types", json=body, match=[sent("2024-06-14")])

    found = client.event_types(timeout_s=1)

    assert [one.id for one in found] == [one["id"] for one in body["data"]]


class TestSlots:
    def test_they_are_asked_for_and_read_as_instants(self, client, calcom, exchanges):
        berlin = timezone(timedelta(hours=1))
        calcom.get(
            f"{BASE}/v2/slots",
            json=example("slots_range_response"),
            match=[
                sent("2024-09-04"),
                matchers.query_param_matcher(
                    {
                        "eventTypeId": "5100311",
                        "start": "2026-12-08T08:00:00Z",
                        "end": "2026-12-09T08:00:00Z",
                        "format": "range",
                    }
                ),
            ],
        )

        slots = client.slots(
            event_type_id=5100311,
            starts_at=datetime(2026, 12, 8, 9, tzinfo=berlin),
            ends_at=datetime(2026, 12, 9, 9, tzinfo=berlin),
            timeout_s=1,
        )

        quarter = datetime(2026, 12, 8, 8, 45, tzinfo=UTC)
        assert slots == [
            Slot(datetime(2026, 12, 8, 8, tzinfo=UTC), quarter),
            Slot(quarter, quarter + timedelta(minutes=45)),
        ]
        assert exchanges[0].path.startswith("/v2/slots?eventTypeId=5100311&start=2026-")

    def test_a_moves_own_booking_is_named_but_not_shown(
        self, client, calcom, exchanges
    ):
        calcom.get(
            f"{BASE}/v2/slots",
            json=example("slots_empty_response"),
            match=[
                matchers.query_param_matcher(
                    {"bookingUidToReschedule": UID}, strict_match=False
                )
            ],
        )

        slots = client.slots(
            event_type_id=1,
            starts_at=NINE,
            ends_at=NINE + timedelta(days=1),
            timeout_s=1,
            moving_uid=UID,
        )

        assert slots == []
        assert UID not in exchanges[0].path

    def test_days_across_the_clock_change_are_right(self, client, calcom):
        calcom.get(f"{BASE}/v2/slots", json=example("slots_dst_range_response"))

        slots = client.slots(event_type_id=1, starts_at=NINE, ends_at=NINE, timeout_s=1)

        assert [slot.starts_at.hour for slot in slots] == [8, 7]


class TestCreate:
    def test_a_booking_is_sent_in_utc_in_german_and_with_our_key(self, client, calcom):
        calcom.post(
            f"{BASE}/v2/bookings",
            status=201,
            json=example("booking_create_response_201"),
            match=[
                sent("2024-08-13"),
                matchers.json_params_matcher(
                    {
                        "eventTypeId": 5100311,
                        "start": "2026-12-08T09:00:00Z",
                        "attendee": {
                            "name": "Sabine Beispiel",
                            "timeZone": "Europe/Berlin",
                            "language": "de",
                            "phoneNumber": "+493023125011",
                        },
                        "bookingFieldsResponses": {"notes": "Kommt mit Kinderwagen"},
                        "metadata": {
                            "askpro_call": "call_0f3b8e",
                            "askpro_appointment": str(KEY),
                        },
                    }
                ),
            ],
        )

        booking = client.create_booking(
            event_type_id=5100311,
            starts_at=NINE.astimezone(timezone(timedelta(hours=1))),
            attendee=ATTENDEE,
            key=KEY,
            metadata={"askpro_call": "call_0f3b8e", "askpro_appointment": "forged"},
            responses={"notes": "Kommt mit Kinderwagen"},
            timeout_s=1,
        )

        assert (booking.uid, booking.status, booking.key) == (UID, "accepted", KEY)
        assert (booking.starts_at, booking.duration_min) == (NINE, 45)
        assert booking.host_ids == (910043,)
        assert booking.attendee_emails == ("sabine.beispiel@example.com",)

    def test_what_is_not_known_is_not_sent(self, client, calcom):
        calcom.post(f"{BASE}/v2/bookings", json=example("booking_create_response_201"))

        client.create_booking(
            event_type_id=1,
            starts_at=NINE,
            attendee=Attendee(name="A", time_zone="Europe/Berlin", email="a@b.example"),
            key=KEY,
            timeout_s=1,
        )

        body = json.loads(calcom.calls[0].request.body)
        assert set(body) == {"eventTypeId", "start", "attendee", "metadata"}
        assert set(body["attendee"]) == {"name", "timeZone", "language", "email"}

    def test_the_real_answer_is_read(self, client, calcom):
        status, body = recorded("booking_create_201")
        calcom.post(f"{BASE}/v2/bookings", status=status, json=body)

        booking = client.create_booking(
            event_type_id=1, starts_at=NINE, attendee=ATTENDEE, key=KEY, timeout_s=1
        )

        assert booking.uid == "7crn9vXVCDMRoLcHtxxybV"
        assert booking.key == UUID("11111111-1111-4111-8111-111111111111")

    @pytest.mark.parametrize(
        "body",
        [
            {"status": "success"},
            {"data": None},
            {"data": {}},
            {"data": {"uid": "x", "status": "accepted", "start": "soon", "end": "x"}},
            {"data": []},
            [],
            "yes",
        ],
    )
    def test_a_changed_shape_is_an_error_that_may_have_worked(
        self, client, calcom, body
    ):
        calcom.post(f"{BASE}/v2/bookings", status=201, json=body)

        with pytest.raises(ProviderError) as caught:
            client.create_booking(
                event_type_id=1, starts_at=NINE, attendee=ATTENDEE, key=KEY, timeout_s=1
            )

        assert not isinstance(caught.value, ProviderRejected)
        assert caught.value.sent is True


class TestOneBooking:
    def test_it_is_read_with_what_became_of_it(self, client, calcom):
        calcom.get(
            f"{BASE}/v2/bookings/{UID}",
            json=example("booking_get_old_after_reschedule_200"),
            match=[sent("2024-08-13")],
        )

        booking = client.get_booking(UID, timeout_s=1)

        assert booking.status == "cancelled"
        assert booking.rescheduled_to_uid == "d5JkHs8wRt6yGn3XqMz7Eb"

    def test_foreign_metadata_and_deleted_people_are_read_too(self, client, calcom):
        body = example("booking_get_200")
        body["data"] |= {
            "metadata": {"askpro_appointment": "not one of ours"},
            "hosts": [{"id": "unknown"}],
            "attendees": [{"name": "x"}],
            "updatedAt": None,
        }
        calcom.get(f"{BASE}/v2/bookings/{UID}", json=body)

        booking = client.get_booking(UID, timeout_s=1)

        assert (booking.key, booking.host_ids) == (None, ())
        assert (booking.attendee_emails, booking.updated_at) == (("",), None)

    def test_a_recurring_one_is_its_first(self, client, calcom):
        body = example("booking_get_200")
        body["data"] = [body["data"]]
        calcom.get(f"{BASE}/v2/bookings/{UID}", json=body)

        assert client.get_booking(UID, timeout_s=1).uid == UID

    def test_its_uid_is_quoted_in_the_path(self, client, calcom):
        calcom.get(f"{BASE}/v2/bookings/a%2F..%3Fb", json=example("booking_get_200"))

        client.get_booking("a/..?b", timeout_s=1)

    def test_it_is_moved(self, client, calcom):
        calcom.post(
            f"{BASE}/v2/bookings/{UID}/reschedule",
            status=201,
            json=example("booking_reschedule_response_201"),
            match=[
                sent("2024-08-13"),
                matchers.json_params_matcher(
                    {
                        "start": "2026-12-09T13:15:00Z",
                        "reschedulingReason": "Kunde verhindert",
                    }
                ),
            ],
        )

        booking = client.reschedule(
            UID,
            starts_at=datetime(2026, 12, 9, 13, 15, tzinfo=UTC),
            reason="Kunde verhindert",
            timeout_s=1,
        )

        assert booking.uid == "d5JkHs8wRt6yGn3XqMz7Eb"
        assert (booking.rescheduled_from_uid, booking.key) == (UID, KEY)

    def test_it_is_cancelled_with_a_reason(self, client, calcom):
        calcom.post(
            f"{BASE}/v2/bookings/{UID}/cancel",
            json=example("booking_cancel_response_200"),
            match=[
                sent("2024-08-13"),
                matchers.json_params_matcher({"cancellationReason": "telephone"}),
            ],
        )

        assert client.cancel(UID, reason="telephone", timeout_s=1).status == "cancelled"


class TestList:
    def test_filters_are_sent_newest_first(self, client, calcom):
        calcom.get(
            f"{BASE}/v2/bookings",
            json=example("bookings_list_200"),
            match=[
                sent("2024-08-13"),
                matchers.query_param_matcher(
                    {
                        "afterUpdatedAt": "2026-12-01T00:00:00Z",
                        "sortCreated": "desc",
                        "take": str(PAGE),
                        "skip": "100",
                    }
                ),
            ],
        )

        page = client.list_bookings(
            {"afterUpdatedAt": "2026-12-01T00:00:00Z"}, skip=100, timeout_s=1
        )

        expected = [one["uid"] for one in example("bookings_list_200")["data"]]
        assert [booking.uid for booking in page.bookings] == expected

    def test_an_empty_page_is_the_end_whatever_the_counts_say(self, client, calcom):
        status, body = recorded("bookings_list_after_created_future")
        assert body["pagination"]["returnedItems"] > len(body["data"]) == 0
        body["pagination"]["hasNextPage"] = True
        calcom.get(f"{BASE}/v2/bookings", status=status, json=body)

        page = client.list_bookings({}, timeout_s=1)

        assert page.bookings == ()
        assert not page.may_have_more


def test_a_key_that_comes_back_in_a_refusal_is_not_told_on(client, calcom, exchanges):
    status, body = recorded("bookings_list_key_without_prefix_403")
    calcom.get(f"{BASE}/v2/bookings", status=status, json=body)

    with pytest.raises(ProviderRejected) as caught:
        client.list_bookings({}, timeout_s=1)

    assert "abcdef" in json.dumps(body)
    assert "abcdef" not in f"{caught.value}{exchanges[0]}"


def test_an_instant_is_told_in_utc_without_fractions():
    summer = timezone(timedelta(hours=2))

    assert utc(datetime(2026, 7, 1, 0, 30, 15, 999, summer)) == "2026-06-30T22:30:15Z"
