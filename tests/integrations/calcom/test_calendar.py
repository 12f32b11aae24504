import socket
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import requests
import responses
from responses import matchers

from bookings.calendars import (
    Attendee,
    BookingNotFound,
    BookingRequest,
    CalendarRefused,
    CalendarUnavailable,
    OutcomeUnknown,
    SlotTaken,
    calendar_for,
)
from integrations import breaker
from integrations.breaker import Breaker
from integrations.calcom.calendar import CalcomCalendar
from integrations.calcom.client import CalcomClient
from integrations.models import ProviderRequest
from tenants.models import Branch, Company, ProviderAccount
from tenants.scoping import every_company, scope
from tests.integrations.calcom.payloads import example, recorded
from tests.integrations.real_server import Server

BASE = "https://api.cal.example"
ACCOUNT = "calcom-calendar-test"
KEY = UUID("9d1f6f0e-5f3a-4f66-9a64-0a8f5f1f7c11")
OLD, NEW = "pQ7rTz3mKc9vWx2LhNb4Ya", "d5JkHs8wRt6yGn3XqMz7Eb"
NINE = datetime(2026, 12, 8, 9, tzinfo=UTC)
WISHED = datetime(2026, 12, 9, 13, 15, tzinfo=UTC)
BOOKINGS = f"{BASE}/v2/bookings"
REQUEST = BookingRequest(
    key=KEY,
    event_type_id=5100311,
    starts_at=NINE,
    duration_min=45,
    attendee=Attendee(
        name="Sabine Beispiel", time_zone="Europe/Berlin", phone="+493023125011"
    ),
)

#: Answers after which nobody knows, and failures after which nothing was done.
AFTER_SENDING = [
    {"status": 408},
    {"status": 500, "json": {"statusCode": 500, "message": "Internal server error"}},
    {"status": 502, "body": "<html>"},
    {"status": 200, "body": "<html>"},
    {"status": 201, "json": {"status": "success", "data": {"changed": True}}},
    {"status": 302},
]
BEFORE_SENDING = [
    {"body": requests.ConnectTimeout()},
    {"body": requests.ConnectionError()},
    {"status": 429, "json": recorded("rate_limit_after_30s")[1]},
]


@pytest.fixture
def calcom():
    with responses.RequestsMock() as mock:
        yield mock


def calendar_at(base_url):
    client = CalcomClient(
        base_url,
        api_key="cal_live_0000EXAMPLE0000",
        account_key=ACCOUNT,
        record=lambda exchange: None,
        breaker=Breaker(ACCOUNT),
    )
    return CalcomCalendar(client, company_id=uuid4())


@pytest.fixture
def calendar():
    breaker.reset(ACCOUNT)
    yield calendar_at(BASE)
    breaker.reset(ACCOUNT)


def booking(name, **changes):
    body = example(name)
    body["data"] |= changes
    return body


def refusal(name):
    """Return a refusal's status and body, recorded or written."""
    if name.startswith("booking_create_error") or "notice" in name:
        return int(name[-3:]), example(name)
    return recorded(name)


def bare(status, message):
    return status, {"statusCode": status, "message": message}


TAKEN = [
    refusal("booking_create_slot_taken_400"),
    refusal("booking_create_error_slot_taken_team_400"),
    refusal("booking_create_error_conflict_409"),
    refusal("booking_create_too_soon_400"),
    refusal("booking_create_past_400"),
    refusal("limit_second_anonymous_401"),
    refusal("seats_full_409"),
    bare(403, "booking_limit_reached"),
    bare(403, "duration_limit_reached"),
    bare(409, "already_signed_up_for_this_booking_error"),
    bare(500, "round_robin_host_unavailable_for_booking"),
    bare(500, "fixed_hosts_unavailable_for_booking"),
]
REFUSED = [
    (refusal("booking_create_error_email_required_400"), "email"),
    (refusal("booking_create_no_contact_400"), "email"),
    (refusal("booking_create_bad_email_400"), "email"),
    (refusal("booking_create_empty_name"), "name"),
    (refusal("booking_create_error_custom_field_400"), "haarlaenge"),
    (refusal("booking_create_error_phone_required_400"), "attendeePhoneNumber"),
    (refusal("email_verification_required"), "emailVerificationCode"),
    (refusal("booking_create_error_event_type_404"), ""),
    (refusal("booking_create_error_unknown_property_400"), ""),
    (refusal("active_limit_second"), ""),
    (refusal("slots_wrong_key_401"), ""),
    (refusal("bookings_list_key_without_prefix_403"), ""),
    (bare(400, "a text that nobody has seen yet"), ""),
    (bare(409, "another conflict"), ""),
    (bare(418, ""), ""),
]


class TestFreeSlots:
    def ask(self, calendar, begin, end):
        return calendar.free_slots(
            event_type_id=5100311, starts_at=begin, ends_at=end, timeout_s=1
        )

    def test_a_slot_that_ends_after_the_interval_is_found_too(self, calendar, calcom):
        begin = datetime(2026, 12, 8, 8, tzinfo=UTC)
        calcom.get(
            f"{BASE}/v2/slots",
            json=example("slots_range_response"),
            match=[
                matchers.query_param_matcher(
                    {"start": "2026-12-08T08:00:00Z", "end": "2026-12-09T08:01:00Z"},
                    strict_match=False,
                )
            ],
        )

        slots = self.ask(calendar, begin, begin + timedelta(minutes=1))

        assert [slot.starts_at for slot in slots] == [begin]

    @pytest.mark.parametrize("silence", [*AFTER_SENDING[:3], *BEFORE_SENDING])
    def test_without_an_answer_the_calendar_is_unavailable(
        self, calendar, calcom, silence
    ):
        calcom.get(f"{BASE}/v2/slots", **silence)

        with pytest.raises(CalendarUnavailable):
            self.ask(calendar, NINE, NINE + timedelta(days=1))

    @pytest.mark.parametrize(
        "answer",
        [
            recorded("slots_wrong_key_401"),
            recorded("slots_event_type_404"),
            recorded("slots_missing_version"),
            (200, {"status": "success", "data": {"2026-12-08": [{"time": "9"}]}}),
        ],
    )
    def test_a_refusal_or_a_changed_shape_needs_a_person(
        self, calendar, calcom, answer
    ):
        status, body = answer
        calcom.get(f"{BASE}/v2/slots", status=status, json=body)

        with pytest.raises(CalendarRefused):
            self.ask(calendar, NINE, NINE + timedelta(days=1))


class TestBook:
    def test_yes_is_the_calendars_record(self, calendar, calcom):
        calcom.post(BOOKINGS, status=201, json=example("booking_create_response_201"))

        found = calendar.book(REQUEST, timeout_s=1)

        assert (found.uid, found.status, found.key) == (OLD, "accepted", KEY)
        assert (found.starts_at, found.host_ids) == (NINE, (910043,))
        assert found.is_live

    def test_a_booking_that_awaits_confirmation_says_so(self, calendar, calcom):
        body = example("booking_create_response_pending_201")
        calcom.post(BOOKINGS, status=201, json=body)

        assert calendar.book(REQUEST, timeout_s=1).status == "pending"

    @pytest.mark.parametrize("answer", TAKEN)
    def test_what_is_taken_is_taken(self, calendar, calcom, answer):
        status, body = answer
        calcom.post(BOOKINGS, status=status, json=body)

        with pytest.raises(SlotTaken):
            calendar.book(REQUEST, timeout_s=1)

    @pytest.mark.parametrize(("answer", "needs"), REFUSED)
    def test_any_other_refusal_needs_a_person(self, calendar, calcom, answer, needs):
        status, body = answer
        calcom.post(BOOKINGS, status=status, json=body)

        with pytest.raises(CalendarRefused) as caught:
            calendar.book(REQUEST, timeout_s=1)

        assert caught.value.needs == needs
        assert caught.value.retryable is False

    @pytest.mark.parametrize("silence", AFTER_SENDING)
    def test_what_was_sent_without_a_clear_answer_is_unknown(
        self, calendar, calcom, silence
    ):
        calcom.post(BOOKINGS, **silence)

        with pytest.raises(OutcomeUnknown):
            calendar.book(REQUEST, timeout_s=1)

    @pytest.mark.parametrize("silence", BEFORE_SENDING)
    def test_what_was_not_sent_may_be_repeated(self, calendar, calcom, silence):
        calcom.post(BOOKINGS, **silence)

        with pytest.raises(CalendarUnavailable):
            calendar.book(REQUEST, timeout_s=1)

    def test_behind_an_open_circuit_nothing_is_sent(self, calendar, calcom):
        for _ in range(breaker.BREAKER_FAILURES):
            one = Breaker(ACCOUNT)
            one.allow()
            one.failed()

        with pytest.raises(CalendarUnavailable):
            calendar.book(REQUEST, timeout_s=1)

        assert len(calcom.calls) == 0

    def test_the_booking_of_another_appointment_is_not_ours(self, calendar, calcom):
        other = booking(
            "booking_create_response_201", metadata={"askpro_appointment": str(uuid4())}
        )
        calcom.post(BOOKINGS, status=201, json=other)

        with pytest.raises(SlotTaken):
            calendar.book(REQUEST, timeout_s=1)

    def test_a_title_that_is_demanded_is_given_and_remembered(self, calendar, calcom):
        refused = example("booking_create_error_title_required_400")
        titled = matchers.json_params_matcher(
            {"bookingFieldsResponses": {"title": "Sabine Beispiel"}}, strict_match=False
        )
        calcom.post(BOOKINGS, status=400, json=refused)
        calcom.post(
            BOOKINGS,
            status=201,
            json=example("booking_create_response_201"),
            match=[titled],
        )

        assert calendar.book(REQUEST, timeout_s=1).uid == OLD
        assert len(calcom.calls) == 2
        assert calendar.book(REQUEST, timeout_s=1).uid == OLD
        assert len(calcom.calls) == 3

    def test_another_length_than_the_services_is_an_error_in_the_log(
        self, calendar, calcom, caplog
    ):
        body = booking("booking_create_response_201", end="2026-12-08T09:30:00.000Z")
        calcom.post(BOOKINGS, status=201, json=body)

        calendar.book(REQUEST, timeout_s=1)

        assert [record.levelname for record in caplog.records] == ["ERROR"]


class TestFind:
    def ask(self, calendar):
        return calendar.find(
            key=KEY, event_type_id=5100311, starts_at=NINE, timeout_s=1
        )

    def page(self, *bookings, has_next=False):
        return {
            "status": "success",
            "data": [one["data"] for one in bookings],
            "pagination": {"hasNextPage": has_next},
        }

    def test_the_booking_with_our_key_is_found(self, calendar, calcom):
        others = booking("booking_get_200", metadata={}, uid="another")
        calcom.get(
            BOOKINGS,
            json=self.page(others, example("booking_get_200")),
            match=[
                matchers.query_param_matcher(
                    {
                        "eventTypeId": "5100311",
                        "afterStart": "2026-12-08T09:00:00Z",
                        "beforeEnd": "2026-12-09T09:00:00Z",
                        "sortCreated": "desc",
                        "take": "100",
                        "skip": "0",
                    }
                )
            ],
        )

        assert self.ask(calendar).uid == OLD

    def test_nothing_found_is_none(self, calendar, calcom):
        calcom.get(BOOKINGS, json=example("bookings_list_empty_200"))

        assert self.ask(calendar) is None

    def test_pages_are_read_until_an_empty_one(self, calendar, calcom):
        others = booking("booking_get_200", metadata={}, uid="another")
        for skip, page in enumerate(
            [
                self.page(others, has_next=True),
                self.page(example("booking_get_200"), has_next=True),
                self.page(has_next=True),
            ]
        ):
            calcom.get(
                BOOKINGS,
                json=page,
                match=[
                    matchers.query_param_matcher(
                        {"skip": str(skip)}, strict_match=False
                    )
                ],
            )

        assert self.ask(calendar).uid == OLD
        assert len(calcom.calls) == 3

    def test_a_cancelled_one_is_not_found(self, calendar, calcom):
        gone = booking("booking_get_200", status="cancelled")
        calcom.get(BOOKINGS, json=self.page(gone))

        assert self.ask(calendar) is None

    def test_one_that_was_moved_is_followed(self, calendar, calcom):
        moved = example("booking_get_old_after_reschedule_200")
        calcom.get(BOOKINGS, json=self.page(moved))
        calcom.get(f"{BOOKINGS}/{NEW}", json=example("booking_reschedule_response_201"))

        found = self.ask(calendar)

        assert (found.uid, found.starts_at) == (NEW, WISHED)

    def test_one_that_was_moved_and_is_gone_is_not_found(self, calendar, calcom):
        moved = example("booking_get_old_after_reschedule_200")
        calcom.get(BOOKINGS, json=self.page(moved))
        status, body = recorded("reschedule_unknown_uid_404")
        calcom.get(f"{BOOKINGS}/{NEW}", status=status, json=body)

        assert self.ask(calendar) is None

    def test_of_a_fork_the_one_at_the_wished_start_is_found(self, calendar, calcom):
        elsewhere = example("booking_reschedule_response_201")
        calcom.get(BOOKINGS, json=self.page(elsewhere, example("booking_get_200")))

        assert self.ask(calendar).uid == OLD

    @pytest.mark.parametrize("silence", [AFTER_SENDING[0], *BEFORE_SENDING])
    def test_without_an_answer_nothing_is_concluded(self, calendar, calcom, silence):
        calcom.get(BOOKINGS, **silence)

        with pytest.raises(CalendarUnavailable):
            self.ask(calendar)

    def test_a_refused_question_concludes_nothing(self, calendar, calcom):
        status, body = recorded("bookings_list_key_without_prefix_403")
        calcom.get(BOOKINGS, status=status, json=body)

        with pytest.raises(CalendarRefused):
            self.ask(calendar)


class TestGet:
    def test_an_unknown_uid_is_not_found(self, calendar, calcom):
        status, body = recorded("reschedule_unknown_uid_404")
        calcom.get(f"{BOOKINGS}/{OLD}", status=status, json=body)

        with pytest.raises(BookingNotFound):
            calendar.get(OLD, timeout_s=1)

    def test_an_unknown_path_is_no_unknown_uid(self, calendar, calcom):
        body = example("error_wrong_version_404")
        calcom.get(f"{BOOKINGS}/{OLD}", status=404, json=body)

        with pytest.raises(CalendarRefused):
            calendar.get(OLD, timeout_s=1)

    def test_an_error_is_unavailable(self, calendar, calcom):
        calcom.get(f"{BOOKINGS}/{OLD}", status=500, json=example("error_internal_500"))

        with pytest.raises(CalendarUnavailable):
            calendar.get(OLD, timeout_s=1)


class TestMove:
    URL = f"{BOOKINGS}/{OLD}/reschedule"

    def ask(self, calendar):
        return calendar.move(OLD, starts_at=WISHED, reason="verhindert", timeout_s=1)

    def test_yes_is_the_new_record(self, calendar, calcom):
        body = example("booking_reschedule_response_201")
        calcom.post(self.URL, status=201, json=body)

        found = self.ask(calendar)

        assert (found.uid, found.moved_from_uid, found.starts_at) == (NEW, OLD, WISHED)

    def test_a_taken_time_is_taken(self, calendar, calcom):
        status, body = recorded("booking_create_slot_taken_400")
        calcom.post(self.URL, status=status, json=body)

        with pytest.raises(SlotTaken):
            self.ask(calendar)

    def test_what_an_earlier_try_moved_is_adopted(self, calendar, calcom):
        text = f"Can't reschedule booking with uid={OLD} because it was moved to {NEW}"
        calcom.post(self.URL, status=400, json=bare(400, text)[1])
        old = example("booking_get_old_after_reschedule_200")
        calcom.get(f"{BOOKINGS}/{OLD}", json=old)
        calcom.get(f"{BOOKINGS}/{NEW}", json=example("booking_reschedule_response_201"))

        assert self.ask(calendar).uid == NEW

    @pytest.mark.parametrize(
        "became",
        [
            {"status": "cancelled"},
            {"start": "2026-12-10T08:00:00Z", "end": "2026-12-10T08:45:00Z"},
        ],
    )
    def test_what_became_something_else_is_refused(self, calendar, calcom, became):
        status, body = recorded("reschedule_cancelled_400")
        calcom.post(self.URL, status=status, json=body)
        old = example("booking_get_old_after_reschedule_200")
        calcom.get(f"{BOOKINGS}/{OLD}", json=old)
        calcom.get(
            f"{BOOKINGS}/{NEW}",
            json=booking("booking_reschedule_response_201", **became),
        )

        with pytest.raises(CalendarRefused):
            self.ask(calendar)

    def test_a_cancelled_booking_is_refused(self, calendar, calcom):
        status, body = recorded("reschedule_cancelled_400")
        calcom.post(self.URL, status=status, json=body)
        gone = booking("booking_get_200", status="cancelled")
        calcom.get(f"{BOOKINGS}/{OLD}", json=gone)

        with pytest.raises(CalendarRefused):
            self.ask(calendar)

    @pytest.mark.parametrize(
        "answer",
        [
            refusal("reschedule_unknown_uid_404"),
            refusal("booking_reschedule_error_notice_403"),
        ],
    )
    def test_any_other_refusal_needs_a_person(self, calendar, calcom, answer):
        status, body = answer
        calcom.post(self.URL, status=status, json=body)

        with pytest.raises(CalendarRefused):
            self.ask(calendar)

    @pytest.mark.parametrize("silence", AFTER_SENDING)
    def test_what_was_sent_without_a_clear_answer_is_unknown(
        self, calendar, calcom, silence
    ):
        calcom.post(self.URL, **silence)

        with pytest.raises(OutcomeUnknown):
            self.ask(calendar)


class TestCancel:
    URL = f"{BOOKINGS}/{OLD}/cancel"

    def ask(self, calendar):
        return calendar.cancel(OLD, reason="telephone", timeout_s=1)

    def refuse(self, calcom):
        status, body = recorded("cancel_again_400")
        calcom.post(self.URL, status=status, json=body)

    def test_yes_is_the_cancelled_record(self, calendar, calcom):
        calcom.post(self.URL, json=example("booking_cancel_response_200"))

        assert not self.ask(calendar).is_live

    def test_one_that_is_cancelled_already_counts_as_done(self, calendar, calcom):
        self.refuse(calcom)
        gone = booking("booking_get_200", status="cancelled")
        calcom.get(f"{BOOKINGS}/{OLD}", json=gone)

        assert self.ask(calendar).status == "cancelled"

    def test_one_that_was_moved_is_cancelled_where_it_is(self, calendar, calcom):
        self.refuse(calcom)
        old = example("booking_get_old_after_reschedule_200")
        calcom.get(f"{BOOKINGS}/{OLD}", json=old)
        calcom.get(f"{BOOKINGS}/{NEW}", json=example("booking_reschedule_response_201"))
        calcom.post(
            f"{BOOKINGS}/{NEW}/cancel", json=example("booking_cancel_response_200")
        )

        found = self.ask(calendar)

        assert (found.uid, found.status) == (NEW, "cancelled")

    def test_an_unknown_uid_is_not_found(self, calendar, calcom):
        status, body = recorded("cancel_unknown_404")
        calcom.post(self.URL, status=status, json=body)

        with pytest.raises(BookingNotFound):
            self.ask(calendar)

    def test_any_other_refusal_needs_a_person(self, calendar, calcom):
        calcom.post(
            self.URL, status=400, json=bare(400, "Cancellation reason is required")[1]
        )

        with pytest.raises(CalendarRefused):
            self.ask(calendar)

    @pytest.mark.parametrize("silence", AFTER_SENDING)
    def test_what_was_sent_without_a_clear_answer_is_unknown(
        self, calendar, calcom, silence
    ):
        calcom.post(self.URL, **silence)

        with pytest.raises(OutcomeUnknown):
            self.ask(calendar)


class TestOverARealConnection:
    @pytest.mark.parametrize("pause_s", [0, 1])
    @pytest.mark.parametrize(
        "write",
        [
            lambda calendar: calendar.book(REQUEST, timeout_s=0.5),
            lambda calendar: calendar.move(
                OLD, starts_at=WISHED, reason="x", timeout_s=0.5
            ),
            lambda calendar: calendar.cancel(OLD, reason="x", timeout_s=0.5),
        ],
    )
    def test_a_write_that_is_cut_or_not_answered_is_unknown(
        self, calendar, write, pause_s
    ):
        server = Server(lambda connection, request: time.sleep(pause_s))

        with pytest.raises(OutcomeUnknown):
            write(calendar_at(server.url))

        server.close()
        assert len(server.requests) == 1

    def test_a_write_that_found_nobody_may_be_repeated(self, calendar):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]

        with pytest.raises(CalendarUnavailable):
            calendar_at(f"http://127.0.0.1:{port}").book(REQUEST, timeout_s=0.5)


@pytest.mark.django_db
class TestAccount:
    @pytest.fixture
    def branch(self):
        with every_company():
            company = Company.objects.create(name="Salon", slug="salon")
            return Branch.objects.create(company=company, slug="b", name="Berlin")

    def account(self, company, name, **more):
        with every_company():
            return ProviderAccount.objects.create(
                company=company,
                provider="calcom",
                base_url=f"https://{name}.example",
                **{"api_key": f"cal_{name}"} | more,
            )

    def asked(self, branch, calcom, name):
        """Ask for slots; return the row that was kept."""
        calcom.get(
            f"https://{name}.example/v2/slots",
            json=example("slots_empty_response"),
            match=[matchers.header_matcher({"Authorization": f"Bearer cal_{name}"})],
        )
        with scope(branch.company_id):
            calendar_for(branch).free_slots(
                event_type_id=1, starts_at=NINE, ends_at=NINE, timeout_s=1
            )
            return ProviderRequest.objects.get()

    def test_the_companys_own_account_comes_first(self, branch, calcom):
        self.account(None, "platform")
        own = self.account(branch.company, "own")

        row = self.asked(branch, calcom, "own")

        assert (row.account_id, row.company_id) == (own.pk, branch.company_id)

    def test_else_the_platforms_account_is_used(self, branch, calcom):
        platform = self.account(None, "platform")
        self.account(branch.company, "own", is_active=False)
        with every_company():
            stranger = Company.objects.create(name="B", slug="b")
        self.account(stranger, "strangers")

        row = self.asked(branch, calcom, "platform")

        assert (row.account_id, row.company_id) == (platform.pk, branch.company_id)

    @pytest.mark.parametrize("more", [None, {"api_key": ""}])
    def test_without_an_account_or_its_key_the_calendar_is_refused(self, branch, more):
        if more is not None:
            self.account(branch.company, "own", **more)

        with scope(branch.company_id), pytest.raises(CalendarRefused):
            calendar_for(branch)

    def test_a_rehearsal_touches_no_real_calendar(self, branch):
        self.account(branch.company, "own")

        with scope(branch.company_id), pytest.raises(CalendarRefused):
            calendar_for(branch, rehearsal=True)
