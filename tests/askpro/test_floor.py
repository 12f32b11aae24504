import time

from askpro import correlation
from askpro.errors import AskProError
from askpro.ids import uuid7


class _BrokenThing(AskProError):
    """The thing is broken."""


def test_an_error_without_words_says_what_its_class_says():
    assert str(_BrokenThing()) == "The thing is broken."
    assert str(_BrokenThing("Shelf 3")) == "Shelf 3"
    assert _BrokenThing.retryable is False


def test_uuid7_is_of_version_7_and_sorts_by_time():
    earlier = uuid7()
    time.sleep(0.002)
    later = uuid7()

    assert (earlier.version, earlier.variant) == (7, "specified in RFC 4122")
    assert earlier < later


def test_a_correlation_id_holds_for_its_block_only():
    with correlation.bound("call_1"):
        with correlation.bound("call_2"):
            assert correlation.current() == "call_2"
        assert correlation.current() == "call_1"

    assert correlation.current() == ""
