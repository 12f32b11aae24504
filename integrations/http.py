"""One request to a provider: bounded as a whole, guarded, reported, never repeated."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import orjson
import requests
from requests.adapters import HTTPAdapter

from askpro import correlation
from integrations import transport
from integrations.bodies import parsed
from integrations.breaker import Breaker
from integrations.errors import (
    CircuitOpen,
    ProviderError,
    ProviderRejected,
    ProviderTimedOut,
    ProviderUnavailable,
)
from integrations.transport import Attempt, FreshPool, FreshTLSPool

POOL_SIZE = 128
MOST_SESSIONS = 64
MOST_BYTES = 5 * 1024 * 1024
#: A time-out shorter than this says more about our hurry than about the provider.
TELLING_TIMEOUT_S = 0.5

#: Parts of a path, and values of a query, that may be shown; all else may be secret.
_PLAIN_SEGMENT = re.compile(r"v\d+|[a-z]+(?:-[a-z]+)*|\d{1,12}|")
_PLAIN_VALUE = re.compile(
    r"\d{1,12}|\d{4}-\d\d-\d\d(?:T[\d:.]+Z?)?|asc|desc|ascending|descending|range|time"
)


@dataclass(frozen=True)
class Exchange:
    """What became of one request, without keys and personal data."""

    provider: str
    account_key: str
    method: str
    path: str
    status: int | None
    duration_ms: int
    outcome: str  # ok, or the error's
    error: str
    correlation_id: str


#: Lists that are asked for by POST.
_READING_PATHS = re.compile(r"/v\d+/list-")

_is_reading_only: ContextVar[bool] = ContextVar("askpro_reading_only", default=False)


@contextmanager
def reading_only() -> Iterator[None]:
    """Refuse, in the block, whatever would change something at a provider."""
    token = _is_reading_only.set(True)
    try:
        yield
    finally:
        _is_reading_only.reset(token)


def _is_reading(method: str, path: str) -> bool:
    return method in ("GET", "HEAD") or _READING_PATHS.match(path) is not None


class ProviderClient:
    """The way to one account of a provider. Threads may share one."""

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str],
        account_key: str,
        provider: str,
        record: Callable[[Exchange], None],
        breaker: Breaker,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.account_key = account_key
        self.provider = provider
        self._headers = dict(headers)
        self._record = record
        self._breaker = breaker

    def call(
        self,
        method: str,
        path: str,
        *,
        timeout_s: float,
        json: Any = None,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """Send one request and return what its JSON says; None for an empty body.

        :param path: its parts quoted.
        :param timeout_s: of the whole exchange, from the name's look-up to the last
            byte.
        :raises CircuitOpen: nothing was sent.
        :raises ProviderUnavailable: see its ``sent``: may it have been processed?
        :raises ProviderRejected: nothing was done.
        :raises ProviderError: the answer is no JSON, too large, or a redirect.
        """
        self._refuse_to_write(method, path)
        started = time.monotonic()
        attempt = Attempt(deadline=started + timeout_s)
        error: ProviderError | None = ProviderError(self.provider, text="broken off")
        try:
            self._breaker.allow()
            with transport.under_way(attempt):
                body = self._exchange(
                    attempt,
                    method,
                    path,
                    json=json,
                    params=params,
                    headers={**self._headers, **(headers or {}), **_correlation()},
                )
            error = None
            return body
        except ProviderError as failed:
            error = failed
            raise
        finally:
            self._tell_breaker(error, timeout_s)
            self._report(method, path, params, started, attempt, error)

    def _refuse_to_write(self, method: str, path: str) -> None:
        if _is_reading_only.get() and not _is_reading(method, path):
            raise ProviderRejected(
                self.provider, text="nothing may be written now", sent=False
            )

    def _exchange(
        self,
        attempt: Attempt,
        method: str,
        path: str,
        *,
        json: Any,
        params: Mapping[str, str | int] | None,
        headers: Mapping[str, str],
    ) -> Any:
        if attempt.is_over:
            raise ProviderTimedOut(self.provider, text="no time left", sent=False)
        try:
            with _session_for(self.base_url).request(
                method,
                self.base_url + path,
                json=json,
                params=dict(params or {}),
                headers=dict(headers),
                timeout=max(attempt.left_s, 0.001),
                allow_redirects=False,
                stream=True,
            ) as response:
                attempt.status = response.status_code
                raw = self._receive(attempt, response)
        except requests.RequestException as error:
            raise self._silence(attempt, error) from None
        except UnicodeError:
            # Staff pasted a key with signs that no header can hold.
            raise ProviderRejected(
                self.provider, text="the key can't be sent: check it", sent=False
            ) from None
        return self._judge(response.status_code, raw)

    def _receive(self, attempt: Attempt, response: requests.Response) -> bytes:
        """Read the body: by the piece, since a time-out of requests is per read."""
        raw = bytearray()
        for piece in response.iter_content(64 * 1024):
            raw += piece
            if len(raw) > MOST_BYTES:
                raise ProviderError(
                    self.provider, status=attempt.status, text="the answer is too large"
                )
            if attempt.is_over:
                raise requests.Timeout
        return bytes(raw)

    def _silence(
        self, attempt: Attempt, error: requests.RequestException
    ) -> ProviderUnavailable:
        """Return what a broken exchange means. The error's text may name a secret."""
        if attempt.is_over or isinstance(error, requests.Timeout):
            kind: type[ProviderUnavailable] = ProviderTimedOut
        else:
            kind = ProviderUnavailable
        return kind(
            self.provider,
            status=attempt.status,
            text=type(error).__name__,
            sent=attempt.sent,
        )

    def _judge(self, status: int, raw: bytes) -> Any:
        """Return the body, or raise what the answer means."""
        body: Any = None
        is_json = True
        if raw:
            try:
                body = parsed(raw)
            except orjson.JSONDecodeError:
                is_json = False
        if 200 <= status < 300 and is_json:
            return body
        code, text = _words(body) if is_json else ("", "the answer is no JSON")
        kind = ProviderError
        if status in (408, 429) or status >= 500:
            kind = ProviderUnavailable
        elif 400 <= status < 500:
            kind = ProviderRejected
        raise kind(
            self.provider, status=status, code=code, text=text, sent=status != 429
        )

    def _tell_breaker(self, error: ProviderError | None, timeout_s: float) -> None:
        if isinstance(error, CircuitOpen):
            return
        if isinstance(error, ProviderTimedOut) and timeout_s < TELLING_TIMEOUT_S:
            self._breaker.undecided()
        elif error is None or isinstance(error, ProviderRejected):
            self._breaker.succeeded()
        else:
            self._breaker.failed()

    def _report(
        self,
        method: str,
        path: str,
        params: Mapping[str, str | int] | None,
        started: float,
        attempt: Attempt,
        error: ProviderError | None,
    ) -> None:
        self._record(
            Exchange(
                provider=self.provider,
                account_key=self.account_key,
                method=method,
                path=shown(path, params),
                status=attempt.status,
                duration_ms=round((time.monotonic() - started) * 1000),
                outcome=error.outcome if error else "ok",
                error=str(error) if error else "",
                correlation_id=correlation.current(),
            )
        )


def shown(path: str, params: Mapping[str, str | int] | None = None) -> str:
    """Return a path as it may be shown: uids, numbers and names cut short."""
    parts = [
        part if _PLAIN_SEGMENT.fullmatch(part) else part[:6] + "…"
        for part in path.split("/")
    ]
    query = [
        f"{name}={value if _PLAIN_VALUE.fullmatch(str(value)) else '…'}"
        for name, value in (params or {}).items()
    ]
    return "/".join(parts) + ("?" + "&".join(query) if query else "")


def _correlation() -> dict[str, str]:
    """Return our header. The id may come from outside: only what a header can hold."""
    sendable = re.sub(r"[^\x21-\x7e]", "", correlation.current())[:120]
    return {correlation.HEADER: sendable} if sendable else {}


def _words(body: Any) -> tuple[str, str]:
    """Return code and text of an error: bare, or in an envelope, with its details."""
    if not isinstance(body, Mapping):
        return "", ""
    inner = body.get("error")
    told = inner if isinstance(inner, Mapping) else body
    code, text = told.get("code"), told.get("message")
    words = [text] if isinstance(text, str) else []
    with suppress(AttributeError, KeyError, TypeError):
        for one in told["details"]["errors"]:
            words += [str(reason) for reason in one["constraints"].values()]
    return (code if isinstance(code, str) else ""), "; ".join(words)


class _Adapter(HTTPAdapter):
    """Requests' way to the pools of :mod:`integrations.transport`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": FreshPool,
            "https": FreshTLSPool,
        }


_sessions: OrderedDict[str, requests.Session] = OrderedDict()
_lock = threading.Lock()


def _session_for(base_url: str) -> requests.Session:
    """Return this process' session for an address."""
    with _lock:
        session = _sessions.get(base_url)
        if session is None:
            session = _sessions[base_url] = _new_session()
        _sessions.move_to_end(base_url)
        evicted = (
            _sessions.popitem(last=False)[1] if len(_sessions) > MOST_SESSIONS else None
        )
    if evicted is not None:
        evicted.close()
    return session


def _new_session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False  # no proxy and no .netrc may be slipped in
    session.headers["User-Agent"] = "AskPro"
    session.headers["Accept"] = "application/json"
    # Accounts of several companies share a session: it keeps no cookies.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    adapter = _Adapter(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


def _forget_sessions() -> None:
    """Begin without connections: a forked child must not share its parent's."""
    global _lock
    _lock = threading.Lock()
    _sessions.clear()


os.register_at_fork(after_in_child=_forget_sessions)
