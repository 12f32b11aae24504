import pytest

EVA = {"name": "Eva Muster", "email": "eva@muster.example"}


@pytest.mark.django_db
class TestFilters:
    def test_by_attendee(self, recorded_salon):
        for hour in (12, 13, 14):
            start = f"2026-12-14T{hour}:15:00Z"
            recorded_salon.book(f"evas-{hour}", start, attendee=EVA)
        recorded_salon.book("nameless", "2026-12-14T09:00:00Z")

        recorded_salon.play("bookings_list_attendee_email")
        recorded_salon.play("bookings_list_attendee_name")

    def test_by_an_address_with_a_plus(self, recorded_salon):
        address = {"email": "max+salon@muster.example"}
        recorded_salon.book("nameless", "2026-12-28T11:00:00Z", attendee=address)

        recorded_salon.play("email_plus_list_escaped", "email_plus_list_unescaped")

    def test_by_the_address_that_a_number_became(self, recorded_salon):
        recorded_salon.play(
            "phone_only_booking_201", "phone_only_list_by_invented_email"
        )

    def test_those_that_wait_for_a_confirmation(self, recorded_salon):
        recorded_salon.book("nameless", "2026-12-14T09:00:00Z")
        recorded_salon.book("hers", "2026-12-16T09:00:00Z", 2, attendee=EVA)

        recorded_salon.play("bookings_list_status_unconfirmed")

    def test_an_unknown_one_is_ignored_and_pages_are_counted(self, recorded_salon):
        recorded_salon.play("booking_create_201")
        for day in range(8, 29):
            if day % 7 not in (5, 6):
                recorded_salon.book(f"day-{day}", f"2026-12-{day:02d}T09:00:00Z")
        for hour in range(10, 16):
            recorded_salon.book(f"hour-{hour}", f"2026-12-28T{hour}:00:00Z")

        recorded_salon.play(
            "bookings_list_unknown_param", "bookings_list_status_upcoming"
        )

    def test_by_start(self, recorded_salon):
        for name, start in (
            ("before", "2026-12-14T09:00:00Z"),
            ("first", "2026-12-15T09:00:00Z"),
            ("second", "2026-12-15T11:00:00Z"),
        ):
            attendee = {"email": "m4@muster.example"} if name == "first" else {}
            recorded_salon.book(f"the-{name}", start, attendee=attendee)

        recorded_salon.play("bookings_list_date_only")


@pytest.mark.parametrize(
    ("query", "rule", "text"),
    [
        ("take=1000", "max", "take must not be greater than 250"),
        ("take=0", "min", "take must not be less than 1"),
        ("skip=-1", "min", "skip must not be less than 0"),
        ("afterStart=gestern", "isIso8601", "fromDate must be a valid ISO 8601 date."),
        ("sortStart=up", "isEnum", 'SortStart must be either "asc" or "desc".'),
    ],
)
@pytest.mark.django_db
def test_a_bad_filter_is_named(recorded_salon, query, rule, text):
    answer = recorded_salon.get_as_owner(f"/v2/bookings?{query}")

    assert answer.status == 400
    (error,) = answer.body["error"]["details"]["errors"]
    assert error["constraints"] == {rule: text}
    assert error["property"] == query.partition("=")[0]
