"""Connections whose every step counts against one deadline.

The time-out of ``requests`` is per read, and none holds for the look-up of a name: a
server that drips, or a name server that hangs, would outlive any budget. Here each
step of an exchange gets what is left of it.
"""

from __future__ import annotations

import http.client
import io
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

#: Servers close idle connections, Node's after 5 s by default. One that may be closing
#: is not used: a write that fails on it would have an unknown outcome.
MOST_IDLE_S = 4.0


@dataclass
class Attempt:
    """One exchange under way."""

    deadline: float  # on the monotonic clock
    sent: bool = False  # whether a byte of the request may have left
    status: int | None = None

    @property
    def left_s(self) -> float:
        """Seconds until the deadline; zero or less when it has passed."""
        return self.deadline - time.monotonic()

    @property
    def is_over(self) -> bool:
        """Whether the deadline has passed."""
        return self.left_s <= 0


_under_way: ContextVar[Attempt] = ContextVar("askpro_http_attempt")


@contextmanager
def under_way(attempt: Attempt) -> Iterator[None]:
    """Let the connections used in the block count against this attempt."""
    token = _under_way.set(attempt)
    try:
        yield
    finally:
        _under_way.reset(token)


def _left_s() -> float:
    left_s = _under_way.get().left_s
    if left_s <= 0:
        raise TimeoutError("timed out")
    return left_s


class _BoundedReader(io.RawIOBase):
    """A socket's bytes; each read waits no longer than what is left."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left_s())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    """A response that reads through :class:`_BoundedReader`."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_BoundedReader(sock))


class _Bounded(HTTPConnection):
    """A connection that is looked up, opened and used within the attempt's deadline."""

    response_class = _BoundedResponse
    idle_since = 0.0

    def send(self, data: Any) -> None:
        """Send, and note that from here on the request may be processed."""
        if self.sock is None:
            self.connect()
        self.sock.settimeout(_left_s())
        _under_way.get().sent = True
        super().send(data)

    def _new_conn(self) -> socket.socket:
        try:
            found = _addresses(self._dns_host, self.port or self.default_port)
            return self._connect_to_any(found)
        except TimeoutError:
            raise ConnectTimeoutError(self, "no connection in time") from None
        except OSError as error:
            raise NewConnectionError(self, type(error).__name__) from None

    def _connect_to_any(self, found: list[Any]) -> socket.socket:
        for position, (family, kind, protocol, _, address) in enumerate(found):
            sock = socket.socket(family, kind, protocol)
            try:
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                # An address that swallows packets must not eat the others' time.
                sock.settimeout(_left_s() / (len(found) - position))
                sock.connect(address)
                sock.settimeout(_left_s())
            except OSError:
                sock.close()
                if position == len(found) - 1:
                    raise
            else:
                return sock
        raise OSError("the name has no address")


class _BoundedTLS(_Bounded, HTTPSConnection):
    """The same with TLS."""


class FreshPool(HTTPConnectionPool):
    """A pool that doesn't hand out connections that were idle for long."""

    ConnectionCls = _Bounded

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection: Any = super()._get_conn(timeout)
        if connection.sock is not None:
            idle_s = time.monotonic() - getattr(connection, "idle_since", 0.0)
            if idle_s > MOST_IDLE_S:
                connection.close()
        return connection

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.idle_since = time.monotonic()
        super()._put_conn(conn)


class FreshTLSPool(FreshPool, HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = _BoundedTLS


def _addresses(host: str, port: int) -> list[Any]:
    """Look a name up in a thread of its own: the look-up itself knows no time-out.

    :raises TimeoutError: nothing was found within what is left.
    :raises OSError: the name is unknown.
    """
    try:
        return socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
        )
    except socket.gaierror:
        pass  # a name
    found: list[Any] = []

    def look() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            found.append(error)

    thread = threading.Thread(target=look, name="look-up", daemon=True)
    thread.start()
    thread.join(_left_s())
    if not found:
        raise TimeoutError("the name was not looked up in time")
    if isinstance(found[0], Exception):
        raise OSError("the name is unknown") from found[0]
    return list(found[0])
