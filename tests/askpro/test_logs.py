"""Log records are JSON lines that name no person."""

from __future__ import annotations

import json
import logging
import sys

from askpro import correlation
from askpro.errors import AskProError
from askpro.logs import formatter


def line(message, *arguments, **extra):
    record = logging.LogRecord("x", logging.INFO, "f", 1, message, arguments, None)
    record.__dict__.update(extra)
    return json.loads(formatter().format(record))


def test_a_record_carries_its_fields_and_the_correlation_id():
    with correlation.bound("call_1"):
        said = line("tool answered", tool="create_booking", duration_ms=12)

    assert said["event"] == "tool answered"
    assert (said["tool"], said["duration_ms"]) == ("create_booking", 12)
    assert said["correlation_id"] == "call_1"


def test_what_looks_personal_is_masked_wherever_it_stands():
    said = line("call from +49 30 1234567", to="erika@example.com", count=3)

    assert said["event"] == "call from ***"
    assert said["to"] == "***"
    assert said["count"] == 3


def failed(make):
    try:
        make()
    except Exception:
        record = logging.LogRecord("x", logging.ERROR, "f", 1, "it failed", (), None)
        record.exc_info = sys.exc_info()
        return json.loads(formatter().format(record))
    raise AssertionError("nothing failed")


def test_an_exception_tells_where_and_what_kind_but_not_its_words():
    def make():
        try:
            int("Erika Muster")
        except ValueError as error:
            raise KeyError("Erika Muster") from error

    said = failed(make)

    assert "KeyError" in said["exception"]
    assert "ValueError" in said["exception"]
    assert "test_logs.py" in said["exception"]
    assert "Muster" not in said["exception"].replace('"Erika Muster"', "")


def test_an_error_of_ours_or_of_a_connection_keeps_its_words():
    def ours():
        raise AskProError("Load a branch first.")

    def refused():
        raise ConnectionRefusedError("connection refused")

    assert "Load a branch first." in failed(ours)["exception"]
    assert "connection refused" in failed(refused)["exception"]


def test_what_celery_says_of_a_failed_task_names_the_task_alone():
    context = {"name": "webhooks.process", "exc": "ValueError('Erika Muster')"}
    record = logging.LogRecord(
        "celery.app.trace", logging.ERROR, "f", 1, "Task %(name)s: %(exc)s", None, None
    )
    record.args = context
    record.data = context
    said = json.loads(formatter().format(record))

    assert said["event"] == "a task failed"
    assert said["task"] == "webhooks.process"
    assert "Muster" not in json.dumps(said)


def test_what_looks_personal_is_masked_inside_of_fields_too():
    said = line("x", data={"to": ["erika@example.com"], "n": 1})

    assert said["data"] == {"to": ["***"], "n": 1}
