import datetime as dt

import pytest

from integrations.sandbox.models import (
    CalcomBooking,
    CalcomEventType,
    CalcomSchedule,
    Installation,
)
from tests.integrations.sandbox.calcom_replay import recording


@pytest.mark.django_db
class TestReplay:
    def test_account_and_keys(self, replay):
        replay.play(
            "me_200",
            "me_no_auth",
            "me_wrong_key_401",
            "bookings_list_anonymous_403",
            "bookings_list_expired_key_401",
            "bookings_list_key_without_prefix_403",
            "api_key_refresh_500_stubbed_in_cal_diy",
            "schedules_list_200",
        )

    def test_schedules(self, replay):
        CalcomSchedule.objects.filter(owner=replay.owner).delete()
        replay.play(
            "me_200_no_schedule", "schedules_default_none", "schedule_create_201"
        )

    def test_event_types(self, recorded_salon):
        recorded_salon.play(
            "event_type_get_200",
            "event_type_get_404",
            "event_type_get_anonymous_403",
            "event_type_get_other_user_404",
            "event_type_create_optional_email_400",
            "phone_only_event_type_get_200",
            "event_type_create_auth_required",
            "auth_required_anonymous",
            "auth_required_owner_201",
        )

    @pytest.mark.parametrize(
        "name", ["event_types_list_200", "event_types_list_username_anonymous"]
    )
    def test_event_types_listed(self, recorded_salon, name):
        CalcomEventType.objects.filter(
            slug__in=("spaet", "einmal", "geprueft", "nur-telefon")
        ).delete()
        answer = recorded_salon.send(name)

        there = {
            one["slug"]: one for one in recording(name)["response"]["body"]["data"]
        }
        here = {one["slug"]: one for one in answer.body["data"]}
        assert list(recorded_salon.differences(there, here, name)) == []

    def test_slots(self, recorded_salon):
        recorded_salon.play(
            "slots_time_berlin_200",
            "slots_range_berlin_200",
            "slots_utc_200",
            "slots_anonymous_200",
            "slots_by_slug_200",
            "slots_by_slug_unknown_user_404",
            "slots_dst_200",
            "slots_end_before_start",
            "slots_end_midnight_utc",
            "slots_end_on_grid",
            "slots_offgrid_start",
            "slots_offset_instants_200",
            "slots_offset_instants_no_tz_200",
            "slots_new_york_200",
            "slots_tokyo_200",
            "slots_past_range_200",
            "slots_seated_200",
            "slots_time_explicit_format_200",
            "slots_today_200",
            "slots_utc_late_zone",
            "slots_weekend_empty_200",
            "slots_wrong_duration_200",
            "slots_unlisted_duration_200",
        )

    def test_slots_of_a_year(self, recorded_salon):
        for place, start in enumerate(("13T09", "11T09", "11T10", "11T11")):
            recorded_salon.book(f"nameless-{place}-", f"2027-01-{start}:00:00Z")

        recorded_salon.play("slots_long_range_200")

    def test_slots_refused(self, recorded_salon):
        recorded_salon.play(
            "slots_bad_date",
            "slots_bad_format",
            "slots_bad_timezone",
            "slots_event_type_404",
            "slots_missing_end_400",
            "slots_missing_version",
            "slots_wrong_version_of_other_resource",
            "slots_no_event_type",
            "slots_unescaped_plus",
            "slots_unknown_param",
            "slots_wrong_key_401",
        )

    def test_a_reservation_hides_a_slot_and_stands_in_its_own_way(self, recorded_salon):
        recorded_salon.play(
            "reservation_create_201",
            "slots_anonymous_while_reserved_200",
            "slots_other_event_type_while_reserved_200",
            "reservation_create_again_422",
            "reservation_create_overlap",
            "reservation_patch",
            "reservation_patch_same_time",
            "reservation_delete_again",
            "reservation_delete_again",
            "reservation_get_deleted",
            "reservation_get_never_existed",
            "reservation_missing_version",
        )

    def test_reservations_are_taken_for_almost_any_time(self, recorded_salon):
        recorded_salon.play(
            "reservation_anonymous_custom_duration",
            "reservation_custom_duration_201",
            "reservation_huge_duration_201",
            "reservation_zero_duration",
            "reservation_offset_start",
            "reservation_outside_hours_201",
            "reservation_past_201",
            "reservation_unknown_event_type",
        )

    def test_a_reservation_on_a_booking(self, recorded_salon):
        recorded_salon.play("booking_create_on_foreign_reservation_201")
        recorded_salon.play("reservation_on_booked_slot_422")
        recorded_salon.book("nameless", "2026-12-07T10:00:00Z")
        recorded_salon.play("reservation_overlapping_booking")

    def test_bookings_are_made(self, recorded_salon):
        recorded_salon.play(
            "booking_create_201",
            "booking_create_slot_taken_400",
            "booking_create_overlap_400",
            "booking_create_past_400",
            "booking_create_too_soon_400",
            "booking_create_beyond_window_400",
            "booking_create_naive_start_201",
            "booking_create_offset_start_201",
            "booking_create_off_grid_201",
            "booking_create_anonymous_201",
            "booking_create_national_phone_accepted_201",
            "booking_get_anonymous_200",
            "guests_201",
            "title_in_responses_201",
            "email_upper_case_201",
            "email_upper_case_list_as_sent",
            "email_upper_case_list_lower",
        )

    def test_bookings_are_refused(self, recorded_salon):
        recorded_salon.play(
            "booking_create_bad_email_400",
            "booking_create_bad_json",
            "booking_create_bad_language_400",
            "booking_create_bad_start_400",
            "booking_create_bad_timezone_400",
            "booking_create_empty_body_400",
            "booking_create_empty_name",
            "booking_create_length_not_allowed_400",
            "booking_create_length_unlisted_400",
            "booking_create_metadata_number",
            "booking_create_missing_name_400",
            "booking_create_missing_timezone_400",
            "booking_create_no_contact_400",
            "booking_create_unknown_property_400",
            "booking_create_version_2026_02_25_400",
            "booking_delete_method",
            "email_verification_required",
            "email_verification_wrong_code",
        )

    def test_fields(self, recorded_salon):
        recorded_salon.play(
            "fields_missing_custom_400",
            "fields_bad_number_400",
            "fields_missing_phone_400",
            "fields_national_phone_400",
            "fields_unknown_slug_201",
            "fields_ok_201",
            "fields_number_as_number_400",
            "fields_null_optional_400",
        )

    def test_limits_locations_and_buffers(self, recorded_salon):
        recorded_salon.play(
            "limit_first_201",
            "limit_second_401",
            "limit_second_anonymous_401",
            "fields_unknown_slug_201",
            "slots_limit_reached_200",
            "active_limit_first_201",
            "active_limit_second",
            "locations_not_offered_400",
            "locations_none_given",
            "locations_attendee_phone_201",
            "buffer_first_201",
            "buffer_in_after_buffer_400",
            "slots_buffer_200",
            "slots_buffer_other_type_200",
        )

    def test_seats(self, recorded_salon):
        recorded_salon.play("seats_first_201")
        recorded_salon.book(
            "nameless",
            "2026-12-21T09:00:00Z",
            6,
            attendee={"email": "b@muster.example"},
        )
        recorded_salon.play("seats_full_409", "slots_seated_partly_200")

    def test_telephone_only(self, recorded_salon):
        recorded_salon.play(
            "phone_only_booking_201",
            "phone_only_booking_get_200",
            "phone_only_same_phone_second_201",
            "phone_only_national_number_400",
            "phone_only_with_email_201",
            "phone_only_list_by_plus_email",
        )
        hidden = CalcomEventType.objects.get(slug="nur-telefon")
        hidden.booking_fields[1]["hidden"] = True
        hidden.save()
        recorded_salon.play("phone_only_email_hidden_but_sent_201")

    def test_a_booking_is_moved_and_cancelled(self, recorded_salon):
        recorded_salon.play(
            "booking_create_201",
            "reschedule_past_400",
            "reschedule_201",
            "booking_get_old_uid_after_reschedule_200",
            "booking_get_new_uid_after_reschedule_200",
            "cancel_old_uid_after_reschedule_400",
            "mark_absent_future_400",
            "calendar_links_200",
            "reschedule_no_reason_anonymous_201",
            "reschedule_missing_version",
            "cancel_200",
            "booking_get_cancelled_200",
            "cancel_again_400",
            "reschedule_cancelled_400",
            "reschedule_unknown_uid_404",
            "cancel_unknown_404",
        )

    def test_who_may_cancel_without_a_reason(self, recorded_salon):
        recorded_salon.play(
            "booking_create_for_cancel",
            "cancel_host_no_reason_400",
            "booking_create_for_cancel_2",
            "cancel_anonymous_no_body_200",
            "booking_create_for_cancel_3",
            "cancel_anonymous_no_reason_200",
            "booking_create_for_cancel_4",
            "cancel_stranger_key_200",
        )

    def test_moving_to_its_own_time_and_back(self, recorded_salon):
        recorded_salon.book("qwFgxic2x5yEKf4zR9BUxY", "2026-12-07T10:00:00Z")
        recorded_salon.play("reschedule_same_time_201")

    def test_a_cancelled_time_is_free_at_once(self, recorded_salon):
        uid = recorded_salon.book("old", "2027-01-27T09:00:00Z")
        recorded_salon.play("booking_create_identical_repeat_400")
        CalcomBooking.objects.filter(uid=uid).update(
            status="cancelled", idempotency_key=None
        )
        recorded_salon.play("booking_create_after_cancel_same_slot_201")

    def test_rules_against_moving_and_cancelling(self, recorded_salon):
        recorded_salon.play("fest_create_201", "fest_reschedule_host_201")
        recorded_salon.book("8dv6mcVs3HDGnRzDyZKY68", "2026-12-23T10:00:00Z", 8)
        recorded_salon.play("fest_reschedule_anonymous_201")
        recorded_salon.book("7veLKGa2EnRG3o6yF5FrWQ", "2026-12-29T10:00:00Z", 8)
        recorded_salon.play("fest_reschedule_stranger_key_201")
        recorded_salon.book("8apcPGSsPTDeXnmUBSoJru", "2026-12-29T14:00:00Z", 8)
        recorded_salon.play("fest_cancel_host_400")
        recorded_salon.book("5XWb6wFJnKkbwy3yTWiahb", "2027-01-15T10:00:00Z", 10)
        recorded_salon.play(
            "reschedule_within_notice_anonymous", "reschedule_within_notice_host"
        )

    def test_confirmation(self, recorded_salon):
        recorded_salon.play(
            "confirm_booking_create_pending_201",
            "confirm_booking_create_same_again",
            "confirm_anonymous",
            "confirm_200",
            "confirm_again_400",
            "confirm_booking_create_pending_2",
            "decline_200",
            "decline_again_200",
            "reschedule_confirmed_by_owner_key_stays_accepted_201",
        )

    def test_moves_of_a_confirmed_booking(self, recorded_salon):
        uid = recorded_salon.book("pMeKrqFMufyUXV3HLCuqiw", "2026-12-23T12:00:00Z", 2)
        CalcomBooking.objects.filter(uid=uid).update(status="accepted")
        recorded_salon.play(
            "reschedule_confirmed_anonymous_becomes_pending_201",
            "booking_get_old_after_pending_reschedule",
            "booking_attendees_200",
            "reschedule_confirmed_owner_key_rescheduledBy_attendee_accepted_201",
        )

    def test_two_pending_ones_of_one_time_are_both_confirmed(self, recorded_salon):
        recorded_salon.book("nameless", "2027-01-28T09:00:00Z", 2)
        first = CalcomBooking.objects.get(uid=recorded_salon.names["nameless"])
        recorded_salon.book(
            "cJNmyffwH3LgXPCrUae3ko",
            "2027-01-28T09:00:00Z",
            2,
            attendee={"name": "Eva Muster", "email": "eva@muster.example"},
        )
        CalcomBooking.objects.filter(pk=first.pk).update(status="accepted")
        recorded_salon.play("confirm_second_pending_same_time_200")

    def test_past_bookings(self, recorded_salon):
        for uid, start in (
            ("1UqGVxPydhyrL97WHt9d2s", "2027-01-21T09:00:00Z"),
            ("jP4N7VivU79nVadewJqdac", "2027-01-21T10:00:00Z"),
        ):
            here = recorded_salon.book(uid, start)
            row = CalcomBooking.objects.get(uid=here)
            CalcomBooking.objects.filter(uid=here).update(
                starts_at=row.starts_at - dt.timedelta(days=90),
                ends_at=row.ends_at - dt.timedelta(days=90),
            )
        recorded_salon.play(
            "past_booking_cancel_400",
            "past_booking_reschedule_anonymous_201",
            "past_booking_reschedule_host_201",
        )

    def test_lists(self, recorded_salon):
        recorded_salon.play(
            "bookings_list_status_bad",
            "bookings_list_status_two",
            "bookings_list_attendee_email_none",
        )
        for hour in range(22):
            start = dt.datetime(2026, 12, 8 + hour // 8, 8 + hour % 8, tzinfo=dt.UTC)
            recorded_salon.book(f"nameless-{hour}-", start.isoformat())
        recorded_salon.play("bookings_list_after_created_future")

    def test_wrong_version_header(self, recorded_salon):
        recorded_salon.play("booking_create_201")
        recorded_salon.play(
            "booking_get_missing_version", "event_type_get_missing_version"
        )

    def test_the_old_list_of_bookings(self, recorded_salon):
        recorded_salon.play("booking_create_201")
        recorded_salon.book("nameless", "2026-12-07T10:00:00Z")

        there = recording("bookings_list_missing_version")["response"]["body"]["data"]
        here = recorded_salon.send("bookings_list_missing_version").body["data"]
        assert here.keys() == there.keys()
        recorded_salon.learn(there, here)
        name = "bookings"
        assert (
            list(recorded_salon.differences(there[name][:1], here[name][:1], name))
            == []
        )

    def test_a_slot_is_offered_for_two_seconds_after_it_was_booked(
        self, recorded_salon
    ):
        recorded_salon.send("slots_right_after_booking_cached")
        recorded_salon.book("nameless", "2027-01-13T09:00:00Z")

        recorded_salon.play("slots_right_after_booking_cached")

    def test_a_blocked_key(self, replay):
        Installation.objects.update(rate_limit=120)
        for _ in range(120):
            assert replay.send("rate_limit_after_62s").status == 200

        replay.play("rate_limit_429", "rate_limit_429_booking")
        replay.play("rate_limit_other_key_same_user_200")
