"""Log records are JSON lines that name no person."""

from __future__ import annotations

import json
import logging

from askpro import correlation
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
