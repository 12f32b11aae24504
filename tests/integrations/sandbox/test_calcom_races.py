import pytest

from integrations.sandbox.models import CalcomBooking, Installation
from tests.integrations.sandbox.calcom_replay import at_once


@pytest.mark.django_db
class TestRaces:
    @pytest.fixture(autouse=True)
    def slow(self, recorded_salon):
        Installation.objects.update(thinking_s=0.3)

    def race(self, recorded_salon, *names):
        return at_once(*(lambda name=name: recorded_salon.send(name) for name in names))

    def test_of_identical_ones_one_wins_and_the_rest_get_a_bare_conflict(
        self, recorded_salon
    ):
        names = [f"parallel_five_identical_{number}" for number in range(1, 6)]

        answers = self.race(recorded_salon, *names)

        assert sorted(a.status for a in answers) == [201, 409, 409, 409, 409]
        loser = next(answer for answer in answers if answer.status == 409)
        recorded_salon.compare("parallel_five_identical_1", loser)

    def test_also_across_two_event_types_of_one_host(self, recorded_salon):
        answers = self.race(
            recorded_salon,
            "parallel_other_event_type_same_time_1",
            "parallel_other_event_type_same_time_2",
        )

        assert sorted(answer.status for answer in answers) == [201, 409]

    def test_overlapping_ones_both_succeed(self, recorded_salon):
        answers = self.race(
            recorded_salon, "parallel_overlapping_r1_1", "parallel_overlapping_r1_2"
        )

        for name, answer in zip(
            ("parallel_overlapping_r1_1", "parallel_overlapping_r1_2"),
            answers,
            strict=True,
        ):
            recorded_salon.compare(name, answer)

    def test_a_booking_moved_twice_at_once_becomes_two(self, recorded_salon):
        old = recorded_salon.book("6ce7ttYiDPaAG552uLHvYZ", "2026-12-30T10:00:00Z")

        answers = self.race(
            recorded_salon,
            "parallel_reschedule_same_booking_1",
            "parallel_reschedule_same_booking_2",
        )

        assert [answer.status for answer in answers] == [201, 201]
        live = CalcomBooking.objects.filter(from_uid=old, status="accepted")
        assert live.count() == 2
        named = recorded_salon.get_as_owner(f"/v2/bookings/{old}").body["data"]
        assert named["status"] == "cancelled"
        assert named["rescheduledToUid"] in live.values_list("uid", flat=True)

    def test_moved_to_the_same_time_twice_one_is_a_conflict(self, recorded_salon):
        recorded_salon.book("1JeMatZ2cT6JwZp5cR6g3v", "2026-12-30T13:00:00Z")

        answers = self.race(
            recorded_salon,
            "parallel_reschedule_identical_1",
            "parallel_reschedule_identical_2",
        )

        assert sorted(answer.status for answer in answers) == [201, 409]

    def test_cancelled_twice_at_once_both_succeed(self, recorded_salon):
        recorded_salon.book("inyHqHUXCGUnzL4UYWbRYs", "2026-12-30T09:00:00Z")

        answers = self.race(recorded_salon, "parallel_cancel_1", "parallel_cancel_2")

        for answer in answers:
            recorded_salon.compare("parallel_cancel_1", answer)
