"""Equal questions are asked of the calendar once, whoever asks them."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from bookings import slots
from bookings.calendars import CalendarUnavailable, Slot

BEGIN = datetime(2026, 12, 1, tzinfo=UTC)
END = BEGIN + timedelta(days=14)
FREE = BEGIN + timedelta(hours=9)


class SlowCalendar:
    """A calendar that counts its questions and takes its time."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.questions = 0
        self.lock = threading.Lock()

    def free_slots(self, **_):
        with self.lock:
            self.questions += 1
        time.sleep(0.2)
        if self.fails:
            raise CalendarUnavailable
        return [Slot(FREE, FREE + timedelta(minutes=30))]


def read(calendar, company_id):
    question = slots.Question(company_id, 7, BEGIN, END)
    return slots.read(lambda: calendar, question, timeout_s=2)


def test_many_at_once_are_one_question():
    calendar, company_id = SlowCalendar(), uuid4()

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: read(calendar, company_id), range(20)))

    assert answers == [[FREE]] * 20
    assert calendar.questions == 1


def test_another_process_is_waited_for(monkeypatch):
    calendar, company_id = SlowCalendar(), uuid4()
    first = threading.Thread(target=read, args=[calendar, company_id])
    first.start()
    while not calendar.questions:
        time.sleep(0.01)
    monkeypatch.setattr(slots, "_flights", {})  # as another process has its own

    assert read(calendar, company_id) == [FREE]

    first.join()
    assert calendar.questions == 1


def test_what_was_forgotten_is_asked_again_at_once():
    calendar, company_id = SlowCalendar(), uuid4()
    read(calendar, company_id)
    read(calendar, company_id)
    slots.forget(company_id, 7)

    read(calendar, company_id)

    assert calendar.questions == 2


def test_companies_never_share_an_answer():
    calendar = SlowCalendar()

    read(calendar, uuid4())
    read(calendar, uuid4())

    assert calendar.questions == 2


def test_a_failure_is_not_remembered():
    company_id = uuid4()
    with pytest.raises(CalendarUnavailable):
        read(SlowCalendar(fails=True), company_id)

    assert read(SlowCalendar(), company_id) == [FREE]
