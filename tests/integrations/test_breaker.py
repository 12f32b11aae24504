import threading
import time

import pytest

from integrations import breaker
from integrations.breaker import Breaker
from integrations.errors import CircuitOpen
from tenants import redis

KEY = "account-1"


@pytest.fixture(autouse=True)
def _clean():
    breaker.reset(KEY)
    yield
    breaker.reset(KEY)


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr(breaker, "BREAKER_OPEN_S", 0.1)


@pytest.fixture(params=["redis", "local"])
def _anywhere(request, monkeypatch):
    """Run a test with Redis, and without: the rules are the same."""
    if request.param == "local":
        monkeypatch.setattr(redis, "_away_until", time.monotonic() + 60)


def fail(times, key=KEY):
    for _ in range(times):
        one = Breaker(key)
        one.allow()
        one.failed()


def is_open(key=KEY):
    try:
        Breaker(key).allow()
    except CircuitOpen:
        return True
    return False


@pytest.mark.usefixtures("_anywhere")
class TestRules:
    def test_a_few_failures_refuse_nobody(self):
        fail(breaker.BREAKER_FAILURES - 1)

        assert not is_open()

    def test_too_many_failures_open_the_circuit_of_that_account_alone(self):
        fail(breaker.BREAKER_FAILURES)

        assert is_open()
        assert not is_open("account-2")

    def test_failures_outside_the_window_are_forgotten(self, monkeypatch):
        monkeypatch.setattr(breaker, "BREAKER_WINDOW_S", 0.1)
        fail(breaker.BREAKER_FAILURES - 1)
        time.sleep(0.15)
        fail(breaker.BREAKER_FAILURES - 1)

        assert not is_open()

    @pytest.mark.usefixtures("_quick")
    def test_one_probe_at_a_time_passes_after_the_pause(self):
        fail(breaker.BREAKER_FAILURES)
        time.sleep(0.15)
        probe = Breaker(KEY)
        probe.allow()

        assert is_open()
        probe.succeeded()
        assert not is_open()
        assert not is_open()

    @pytest.mark.usefixtures("_quick")
    def test_a_probe_that_fails_opens_the_circuit_again(self):
        fail(breaker.BREAKER_FAILURES)
        time.sleep(0.15)
        fail(1)

        assert is_open()
        time.sleep(0.15)
        assert not is_open()

    @pytest.mark.usefixtures("_quick")
    def test_a_probe_that_learned_nothing_lets_the_next_one_probe(self):
        fail(breaker.BREAKER_FAILURES)
        time.sleep(0.15)
        probe = Breaker(KEY)
        probe.allow()
        probe.undecided()

        assert not is_open()
        assert is_open()

    @pytest.mark.usefixtures("_quick")
    def test_a_probe_that_is_never_heard_of_again_blocks_not_for_ever(
        self, monkeypatch
    ):
        monkeypatch.setattr(breaker, "PROBE_S", 0.1)
        fail(breaker.BREAKER_FAILURES)
        time.sleep(0.15)
        Breaker(KEY).allow()
        assert is_open()
        time.sleep(0.15)

        assert not is_open()

    def test_a_late_answer_from_before_does_not_close_the_circuit(self):
        late = Breaker(KEY)
        late.allow()
        fail(breaker.BREAKER_FAILURES)
        late.succeeded()

        assert is_open()

    @pytest.mark.usefixtures("_quick")
    def test_of_many_threads_one_probes(self):
        fail(breaker.BREAKER_FAILURES)
        time.sleep(0.15)
        shared, passed = Breaker(KEY), []

        def ask():
            try:
                shared.allow()
            except CircuitOpen:
                return
            passed.append(1)

        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(passed) == 1

    def test_reset_closes_the_circuit_and_forgets(self):
        fail(breaker.BREAKER_FAILURES)
        breaker.reset(KEY)

        assert not is_open()
        fail(breaker.BREAKER_FAILURES - 1)
        assert not is_open()


@pytest.mark.usefixtures("_quick")
def test_the_state_can_be_read():
    assert breaker.state(KEY) == "closed"
    fail(breaker.BREAKER_FAILURES)
    assert breaker.state(KEY) == "open"
    time.sleep(0.15)
    assert breaker.state(KEY) == "half_open"
    probe = Breaker(KEY)
    probe.allow()
    probe.succeeded()
    assert breaker.state(KEY) == "closed"


def test_the_state_is_unknown_while_redis_is_away(monkeypatch):
    monkeypatch.setattr(redis, "_away_until", time.monotonic() + 60)

    assert breaker.state(KEY) == "unknown"


def test_the_state_leaves_nothing_behind_for_ever():
    fail(breaker.BREAKER_FAILURES)
    client = redis.client()
    assert client is not None
    keys = client.keys("askpro:platform:breaker:*")

    assert keys
    assert all(client.pttl(key) > 0 for key in keys)
