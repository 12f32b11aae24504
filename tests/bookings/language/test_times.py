from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bookings.language import questions, vocabulary
from bookings.language.times import Reading, resolve, resolve_wish, to_instant
from tests.bookings.language.moments import BERLIN, NOW

_HOURS = (time(9), time(19))


def _resolve(phrase, **more):
    return resolve(phrase, now=NOW, zone=BERLIN, **more)


def _wish(date_text, time_text, **more):
    return resolve_wish(date_text, time_text, now=NOW, zone=BERLIN, **more)


@pytest.mark.parametrize(
    ("phrase", "day", "clock"),
    [
        ("2026-12-03", date(2026, 12, 3), None),
        ("2026-12-03T14:00", date(2026, 12, 3), time(14)),
        ("2026-12-03 14:00", date(2026, 12, 3), time(14)),
        ("2026-12-03T13:00:00.000Z", date(2026, 12, 3), time(14)),
        ("2026-12-03T14:00:00+01:00", date(2026, 12, 3), time(14)),
        ("dritter Zwölfter um 14 Uhr", date(2026, 12, 3), time(14)),
        ("Dienstag nächste Woche", date(2026, 12, 1), None),
        ("kommenden Freitag", date(2026, 11, 27), None),
        ("diese Woche Mittwoch", date(2026, 11, 25), None),
        ("Mittwoch", date(2026, 12, 2), None),
        ("am 3.12 um 16.30", date(2026, 12, 3), time(16, 30)),
        ("Freitag sechzehn Uhr dreißig", date(2026, 11, 27), time(16, 30)),
        ("Samstag mittags", date(2026, 11, 28), time(12)),
        ("morgen um eins mittags", date(2026, 11, 26), time(13)),
        ("Montag abends um acht", date(2026, 11, 30), time(20)),
        ("am ersten Montag im Dezember um elf", date(2026, 12, 7), time(11)),
        ("letzten Freitag des Monats", date(2026, 11, 27), None),
        ("am zweiten Ersten zweitausendsiebenundzwanzig", date(2027, 1, 2), None),
        ("übermorgn um 14 Uhr", date(2026, 11, 27), time(14)),
        ("Mitwoch um zehn", date(2026, 12, 2), time(10)),
        ("Tomorrow at 14:00", date(2026, 11, 26), time(14)),
        ("am 29. Februar", date(2028, 2, 29), None),
        (
            "Ich hätte gern einen Termin am Montag um 14 Uhr bei Frau Müller",
            date(2026, 11, 30),
            time(14),
        ),
    ],
)
def test_day_and_time_are_understood(phrase, day, clock):
    assert _resolve(phrase) == Reading(date=day, date_to=day, time=clock)


@pytest.mark.parametrize(
    ("phrase", "begin", "end"),
    [
        ("ab 16 Uhr", time(16), None),
        ("nach 16 Uhr", time(16), None),
        ("frühestens um elf", time(11), None),
        ("bis 12 Uhr", None, time(12)),
        ("vor elf", None, time(11)),
        ("zwischen 14 und 16 Uhr", time(14), time(16)),
        ("14-16 Uhr", time(14), time(16)),
        ("zwischen elf und eins", time(11), time(13)),
        ("vormittags", time(8), time(12)),
        ("nachmittags", time(12), time(18)),
        ("abends", time(17), time(22)),
        ("am späten Nachmittag", time(15), time(18)),
        ("nachmittags ab drei", time(15), time(18)),
    ],
)
def test_interval_is_no_exact_wish(phrase, begin, end):
    reading = _wish("morgen", phrase)

    assert reading == Reading(
        date=date(2026, 11, 26),
        date_to=date(2026, 11, 26),
        time_from=begin,
        time_to=end,
    )


@pytest.mark.parametrize(
    ("phrase", "first", "last"),
    [
        ("so früh wie möglich", date(2026, 11, 25), date(2026, 12, 8)),
        ("diese Woche", date(2026, 11, 25), date(2026, 11, 29)),
        ("im Januar", date(2027, 1, 1), date(2027, 1, 31)),
        ("vom 3. bis 5. Dezember", date(2026, 12, 3), date(2026, 12, 5)),
        ("ab Montag", date(2026, 11, 30), date(2026, 12, 13)),
        ("bis Freitag", date(2026, 11, 25), date(2026, 11, 27)),
        ("Ostern", date(2027, 3, 28), date(2027, 3, 29)),
    ],
)
def test_stretch_of_days_is_understood(phrase, first, last):
    reading = _resolve(phrase)

    assert (reading.date, reading.date_to, reading.time) == (first, last, None)


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("2023-12-03", date(2026, 12, 3)),
        ("2024-03-05", date(2027, 3, 5)),
        ("2026-01-15", date(2027, 1, 15)),
        ("2099-12-03", date(2026, 12, 3)),
        ("2027-12-03", date(2027, 12, 3)),
        ("03.12.2024", date(2026, 12, 3)),
        ("3. Dezember 2023", date(2026, 12, 3)),
    ],
)
def test_wrong_year_means_the_next_such_day(written, day):
    assert _resolve(written).date == day


@pytest.mark.parametrize(
    "phrase",
    [
        "gestern",
        "2026-11-24",
        "diese Woche Montag",
        "letzten Montag",
        "heute um 7:30 früh",
    ],
)
def test_past_is_said_and_never_moved(phrase):
    reading = _resolve(phrase)

    assert reading.error == "past"
    assert reading.question


@pytest.mark.parametrize(
    "phrase",
    [
        "",
        "None",
        "{{datum}}",
        "blabla",
        "2026-02-30",
        "am 31. April",
        "am 32.",
        "25:00",
        "24 Uhr",
        "nicht am Montag",
        "Montag oder Dienstag",
        "um 14 oder 15 Uhr",
        "nach Weihnachten",
        "eine Woche später",
        "morgen um halb",
        "nächstes Jahr",
        "morgens um 15 Uhr",
        "mein Geburtstag um 14 Uhr",
        "Termin um 14 Uhr für Peter",
        "morgen um 14 Uhr für zwei Personen",
        "in 99999999999 Tagen",
        "heute am Freitag",
    ],
)
def test_what_cannot_be_read_is_asked_and_nothing_is_set(phrase):
    reading = _resolve(phrase)

    assert reading.question
    assert reading == Reading(question=reading.question)


def test_weekday_that_contradicts_the_date_is_asked():
    reading = _resolve("Montag, 1. Dezember")

    assert reading == Reading(
        question="Der 1. Dezember ist ein Dienstag. Welchen Tag meinen Sie?"
    )


def test_next_friday_may_be_this_weeks_or_the_one_after():
    reading = _resolve("nächsten Freitag um 10")

    assert reading.unsure
    assert reading.alternatives == (
        (date(2026, 11, 27), time(10)),
        (date(2026, 12, 4), time(10)),
    )
    assert reading.question == (
        "Meinen Sie Freitag, den 27. November, oder Freitag, den 4. Dezember?"
    )


def test_bare_hour_is_unsure_without_opening_hours():
    reading = _resolve("morgen um drei")

    tomorrow = date(2026, 11, 26)
    assert (reading.time, reading.unsure) == (time(15), True)
    assert reading.alternatives == ((tomorrow, time(15)), (tomorrow, time(3)))


def test_opening_hours_choose_the_half_of_the_day():
    assert _resolve("morgen halb drei", hours=_HOURS) == Reading(
        date=date(2026, 11, 26), date_to=date(2026, 11, 26), time=time(14, 30)
    )


def test_hour_that_is_open_in_both_halves_is_unsure():
    reading = _resolve("morgen halb acht", hours=(time(7), time(20)))

    assert reading.unsure
    assert {clock for _, clock in reading.alternatives} == {time(7, 30), time(19, 30)}


@pytest.mark.parametrize("phrase", ["viertel drei", "dreiviertel drei"])
def test_quarter_before_the_hour_is_sure_only_where_people_say_so(phrase):
    berlin = _resolve(f"morgen {phrase}", region="BE", hours=_HOURS)
    hamburg = _resolve(f"morgen {phrase}", region="HH", hours=_HOURS)

    assert not berlin.unsure
    assert hamburg.unsure
    assert berlin.time == hamburg.time


def test_time_that_is_over_today_moves_only_openly():
    now = NOW.replace(hour=12)

    reading = resolve("um neun", now=now, zone=BERLIN)

    assert (reading.date, reading.time) == (date(2026, 11, 26), time(9))
    assert reading.unsure


def test_now_in_another_zone_counts_as_local_time():
    late = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)  # already Thursday in Berlin

    assert resolve("heute", now=late, zone=BERLIN).date == date(2026, 11, 26)


# Two arguments


def test_a_day_that_was_not_said_stays_open():
    assert _wish("", "14 Uhr") == Reading(time=time(14))
    assert _wish("", "") == Reading()
    assert _wish("None", "{{uhrzeit}}") == Reading()
    assert _wish("so bald wie möglich", "") == Reading()


@pytest.mark.parametrize(
    ("date_text", "time_text"),
    [
        ("2026-12-03", "14:00"),
        ("2026-12-03T14:00", ""),
        ("", "2026-12-03T14:00:00"),
        ("2026-12-03T14:00", "14 Uhr"),
        ("2026-12-03T00:00:00", "14:00"),
        ("3. Dezember um 14 Uhr", ""),
        ("", "Donnerstag, 3. Dezember, 14 Uhr"),
        ("2026-12-03", "Donnerstag 14:00"),
        ("2026-12-03 nachmittags", "zwei"),
        ("2026-12-03", "14.00"),
        ("14 Uhr", "3. Dezember"),
    ],
)
def test_day_and_time_are_taken_from_either_argument(date_text, time_text):
    day = date(2026, 12, 3)

    assert _wish(date_text, time_text) == Reading(day, day, time(14))


@pytest.mark.parametrize(
    ("date_text", "time_text"),
    [
        ("2026-12-03T14:00", "15:00"),
        ("2026-11-27", "morgen um 15 Uhr"),
        ("2026-12-04", "Donnerstag 15:00"),
        ("morgen vormittag", "15:00"),
        ("irgendwas", "14:00"),
        ("morgen", "irgendwas"),
    ],
)
def test_arguments_that_contradict_each_other_are_asked(date_text, time_text):
    reading = _wish(date_text, time_text)

    assert reading.question
    assert reading == Reading(question=reading.question)


def test_dotted_numbers_are_a_time_where_a_time_was_asked():
    assert _wish("", "9.10").time == time(9, 10)
    assert _wish("9.10", "").date == date(2027, 10, 9)


def test_bare_number_is_a_day_or_an_hour_by_its_argument():
    assert _wish("3", "11") == Reading(date(2026, 12, 3), date(2026, 12, 3), time(11))


def test_time_in_a_whole_week_names_no_moment():
    assert _wish("nächste Woche", "14:00").unsure


# Clock changes


def test_hour_that_the_clocks_skip_is_asked():
    assert _resolve("28.3.2027 02:30").question == questions.skipped_hour()
    assert to_instant(date(2027, 3, 28), time(2, 30), BERLIN) is None


def test_of_an_hour_that_comes_twice_the_first_is_meant():
    instant = to_instant(date(2027, 10, 31), time(2, 30), BERLIN)

    assert instant is not None
    assert instant.astimezone(UTC) == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert _resolve("31.10.2027 02:30").unsure


def test_ordinary_time_is_an_instant():
    instant = to_instant(date(2026, 11, 30), time(14), BERLIN)

    assert instant == datetime(2026, 11, 30, 13, 0, tzinfo=UTC)


# Everything else


_FORMS = ("1", "2", "3.", "14", "31.", "99", "16.30", "9:30", "2.1.", "2026-12-03")
_WORDS = st.sampled_from([*sorted(vocabulary.KNOWN), *_FORMS])
_PHRASES = st.one_of(
    st.text(max_size=80),
    st.lists(_WORDS, max_size=7).map(lambda words: " ".join(words)),
)
_MOMENTS = st.integers(1_700_000_000, 2_050_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
_ZONES = st.sampled_from([BERLIN, ZoneInfo("America/New_York"), ZoneInfo("UTC")])


@settings(max_examples=400, deadline=None)
@given(phrase=_PHRASES, now=_MOMENTS, zone=_ZONES)
def test_any_text_gives_an_answer_that_is_not_past(phrase, now, zone):
    reading = resolve(phrase, now=now, zone=zone)

    today = now.astimezone(zone).date()
    assert reading.date is None or reading.date >= today or reading.error
    assert reading.date is not None or reading.question
    if reading.date is not None:
        assert reading.date_to is not None
        assert reading.date_to - reading.date >= timedelta()


@settings(max_examples=300, deadline=None)
@given(date_text=_PHRASES, time_text=_PHRASES, now=_MOMENTS)
def test_any_two_texts_give_an_answer(date_text, time_text, now):
    reading = resolve_wish(date_text, time_text, now=now, zone=BERLIN)

    today = now.astimezone(BERLIN).date()
    assert reading.date is None or reading.date >= today or reading.error
