"""A circuit breaker per provider account, the same for all processes.

Closed: everything passes, and failures are counted in a sliding window. Too many:
open, and nothing passes. After a pause one request at a time may probe; what comes of
it closes the circuit or opens it again. The state is in Redis and changes there, by
its clock. Without Redis each process counts for itself.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from redis import Redis

from integrations.errors import CircuitOpen
from tenants import redis

BREAKER_FAILURES = 5
BREAKER_WINDOW_S = 30.0
BREAKER_OPEN_S = 10.0
#: A probe that is never heard of again blocks the next one no longer than this.
PROBE_S = 15.0
#: An open circuit that nobody asks any more is forgotten after this.
FORGET_S = 600.0
MOST_LOCAL = 10_000

CLOSED, OPEN, HALF_OPEN, UNKNOWN = "closed", "open", "half_open", "unknown"
_REFUSED, _PASSES, _PROBE = 0, 1, 2  # what the scripts return

_CLOCK = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local open_until = tonumber(redis.call('HGET', KEYS[1], 'open_until') or 0)
"""
_ALLOW = (
    _CLOCK
    + """
if open_until == 0 then return 1 end
local probe_until = tonumber(redis.call('HGET', KEYS[1], 'probe_until') or 0)
if now < open_until or now < probe_until then return 0 end
redis.call('HSET', KEYS[1], 'probe', ARGV[1], 'probe_until', now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 2
"""
)
_SUCCEEDED = """
if redis.call('HGET', KEYS[1], 'probe') == ARGV[1] then
  redis.call('DEL', KEYS[1], KEYS[2])
end
return 1
"""
_UNDECIDED = """
if redis.call('HGET', KEYS[1], 'probe') == ARGV[1] then
  redis.call('HDEL', KEYS[1], 'probe', 'probe_until')
end
return 1
"""
_FAILED = (
    _CLOCK
    + """
local is_probe = redis.call('HGET', KEYS[1], 'probe') == ARGV[1]
if open_until > 0 and not is_probe then return 0 end
if not is_probe then
  redis.call('ZADD', KEYS[2], now, ARGV[2])
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  if redis.call('ZCARD', KEYS[2]) < tonumber(ARGV[4]) then return 0 end
end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'open_until', now + ARGV[5])
redis.call('PEXPIRE', KEYS[1], ARGV[6])
return 1
"""
)
_STATE = (
    _CLOCK
    + """
if open_until == 0 then return 'closed' end
if now < open_until then return 'open' end
return 'half_open'
"""
)


@dataclass
class _Local:
    """What this process knows of an account by itself."""

    failures: deque[float] = field(default_factory=deque)
    open_until: float = 0.0
    probe_until: float = 0.0
    probe: str = ""


_local: OrderedDict[str, _Local] = OrderedDict()
_lock = threading.Lock()


class Breaker:
    """Ask before a request, tell after it. Threads may share one.

    While the circuit is closed a success costs no trip to Redis.
    """

    def __init__(self, account_key: str, *, provider: str = "provider") -> None:
        self.account_key = account_key
        self.provider = provider
        self._mine = threading.local()

    def allow(self) -> None:
        """Pass, or refuse.

        :raises CircuitOpen: ask nothing; say nothing to the breaker either.
        """
        token = uuid.uuid4().hex
        passes = _ask(self.account_key, _ALLOW, token, _ms(PROBE_S), _ms(FORGET_S))
        if passes is None:
            passes = _with_local(self.account_key, lambda one: _allow(one, token))
        if passes == _REFUSED:
            raise CircuitOpen(self.provider)
        self._mine.probe = token if passes == _PROBE else ""

    def succeeded(self) -> None:
        """Tell that the provider answered, be it with a refusal."""
        if probe := self._probe():
            _ask(self.account_key, _SUCCEEDED, probe)
            _with_local(self.account_key, lambda one: _succeeded(one, probe))

    def failed(self) -> None:
        """Tell that the provider gave no answer, or one that says: later."""
        probe = self._probe()
        told = _ask(
            self.account_key,
            _FAILED,
            probe,
            uuid.uuid4().hex,
            _ms(BREAKER_WINDOW_S),
            BREAKER_FAILURES,
            _ms(BREAKER_OPEN_S),
            _ms(FORGET_S),
        )
        if told is None:
            _with_local(self.account_key, lambda one: _failed(one, probe))

    def undecided(self) -> None:
        """Tell that nothing was learned of the provider: the next one may probe."""
        if probe := self._probe():
            _ask(self.account_key, _UNDECIDED, probe)
            _with_local(self.account_key, lambda one: _undecided(one, probe))

    def _probe(self) -> str:
        """Return the token under which this thread probes, ``""`` if it doesn't."""
        return str(getattr(self._mine, "probe", ""))


def state(account_key: str) -> str:
    """Return closed, open, half_open, or unknown while Redis is away."""
    keys = _keys(account_key)

    def question(client: Redis) -> str:
        told = client.eval(_STATE, 2, *keys)
        return told.decode() if isinstance(told, bytes) else str(told)

    return redis.ask(question, otherwise=UNKNOWN)


def reset(account_key: str) -> None:
    """Close the circuit and forget the failures, in Redis and in this process."""
    keys = _keys(account_key)
    redis.ask(lambda client: client.delete(*keys), otherwise=None)
    with _lock:
        _local.pop(account_key, None)


def _keys(account_key: str) -> tuple[str, str]:
    # The braces keep both in one slot of a cluster.
    name = "{" + account_key + "}"
    return (
        redis.platform_key("breaker", name, "circuit"),
        redis.platform_key("breaker", name, "failures"),
    )


def _ms(seconds: float) -> int:
    return int(seconds * 1000)


def _ask(account_key: str, script: str, *arguments: str | int) -> int | None:
    """Run a script; None where Redis is away."""
    keys = _keys(account_key)

    def question(client: Redis) -> int | None:
        return int(client.eval(script, 2, *keys, *map(str, arguments)))

    return redis.ask(question, otherwise=None)


def _with_local(account_key: str, change: Callable[[_Local], int]) -> int:
    with _lock:
        one = _local.setdefault(account_key, _Local())
        _local.move_to_end(account_key)
        if len(_local) > MOST_LOCAL:
            _local.popitem(last=False)
        return change(one)


def _allow(one: _Local, token: str) -> int:
    now = time.monotonic()
    if not one.open_until:
        return _PASSES
    if now < one.open_until or now < one.probe_until:
        return _REFUSED
    one.probe, one.probe_until = token, now + PROBE_S
    return _PROBE


def _succeeded(one: _Local, probe: str) -> int:
    if one.probe == probe:
        one.failures.clear()
        one.open_until, one.probe_until, one.probe = 0.0, 0.0, ""
    return _PASSES


def _undecided(one: _Local, probe: str) -> int:
    if one.probe == probe:
        one.probe_until, one.probe = 0.0, ""
    return _PASSES


def _failed(one: _Local, probe: str) -> int:
    now = time.monotonic()
    is_probe = bool(probe) and one.probe == probe
    if one.open_until and not is_probe:
        return _PASSES
    if not is_probe:
        one.failures.append(now)
        while one.failures[0] < now - BREAKER_WINDOW_S:
            one.failures.popleft()
        if len(one.failures) < BREAKER_FAILURES:
            return _PASSES
    one.failures.clear()
    one.open_until, one.probe_until, one.probe = now + BREAKER_OPEN_S, 0.0, ""
    return _REFUSED
