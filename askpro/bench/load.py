"""A load generator: one thread, plain sockets kept alive, little work of its own.

Runs as a process of its own and imports nothing of ours. Each line of its input is a
plan, each line of its output what came of it; see :class:`Plan` and :class:`Result`.
"""

from __future__ import annotations

import hmac
import json
import re
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

#: Stands in a body for a number that no other request has.
SERIAL = "@SERIAL@"
#: Whoever is silent for so long gives no answer any more.
SILENCE_S = 15.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CODE = re.compile(rb'"code":"(\w+)"')
_HEAD = (
    "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    "X-Retell-Signature: {signature}\r\nContent-Length: {length}\r\n\r\n"
)


@dataclass
class Plan:
    """Which requests are sent, and by how many callers at once."""

    port: int
    requests: list[tuple[str, str]]  # path and body, from the first on, then again
    callers: int
    key: str = ""  # signs each body as Retell does
    seconds: float = 0.0  # how long new requests are begun; 0: until ``count``
    count: int = 0


@dataclass
class Result:
    """What came of a plan."""

    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    codes: dict[str, int] = field(default_factory=dict)  # of answers that have one
    latencies_ms: list[float] = field(default_factory=list)
    broken: int = 0  # connections that ended without an answer

    @property
    def answered(self) -> int:
        """How many requests were answered with 2xx."""
        return sum(n for status, n in self.statuses.items() if status[0] == "2")

    @property
    def failed(self) -> int:
        """How many were not."""
        return self.broken + sum(self.statuses.values()) - self.answered


@dataclass
class _Caller:
    sock: socket.socket
    begun: float = 0.0
    received: bytes = b""


class Load:
    """Carries plans out; a number is used once in the life of the object."""

    def __init__(self) -> None:
        self._serial = 0
        self._first = 0

    def run(self, plan: Plan) -> Result:
        """Send what the plan says and return once everything is answered."""
        result, statuses, codes = Result(), Counter[str](), Counter[str]()
        self._first = self._serial
        poll, callers = select.epoll(), {}
        for _ in range(plan.callers):
            caller = _Caller(socket.create_connection(("127.0.0.1", plan.port), 10))
            caller.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            callers[caller.sock.fileno()] = caller
            poll.register(caller.sock, select.EPOLLIN)
        begun = time.perf_counter()
        until = begun + plan.seconds if plan.seconds else float("inf")
        left = plan.count or sys.maxsize
        waiting = broken = 0
        for caller in callers.values():
            if left:
                left, waiting = left - 1, waiting + 1
                self._send(caller, plan)
        while waiting and (events := poll.poll(SILENCE_S)):
            for descriptor, _ in events:
                caller = callers[descriptor]
                piece = _received(caller.sock)
                caller.received += piece
                if piece and not is_whole(caller.received):
                    continue
                now = time.perf_counter()
                waiting -= 1
                if not piece:
                    broken += 1
                    poll.unregister(caller.sock)
                    continue
                result.latencies_ms.append((now - caller.begun) * 1000)
                statuses[caller.received[9:12].decode()] += 1
                codes.update(code.decode() for code in _CODE.findall(caller.received))
                if left and now < until:
                    left, waiting = left - 1, waiting + 1
                    self._send(caller, plan)
        result.seconds = time.perf_counter() - begun
        result.broken = broken + waiting
        for caller in callers.values():
            caller.sock.close()
        poll.close()
        result.statuses, result.codes = dict(statuses), dict(codes)
        return result

    def _send(self, caller: _Caller, plan: Plan) -> None:
        position = self._serial - self._first
        path, text = plan.requests[position % len(plan.requests)]
        self._serial += 1
        body = text.replace(SERIAL, f"{self._serial:09d}").encode()
        head = _HEAD.format(
            path=path, signature=_signature(body, plan.key), length=len(body)
        )
        caller.received, caller.begun = b"", time.perf_counter()
        caller.sock.sendall(head.encode() + body)


def _received(sock: socket.socket) -> bytes:
    try:
        return sock.recv(1 << 16)
    except OSError:
        return b""


def is_whole(received: bytes) -> bool:
    """Tell whether an answer has come in full."""
    head, end, body = received.partition(b"\r\n\r\n")
    if not end:
        return False
    length = _LENGTH.search(head)
    if length:
        return len(body) >= int(length[1])
    return head[9:12] == b"204" or body.endswith(b"0\r\n\r\n")


def _signature(body: bytes, key: str) -> str:
    at = str(time.time_ns() // 1_000_000)
    return f"v={at},d={hmac.digest(key.encode(), body + at.encode(), 'sha256').hex()}"


def serve(lines: Iterable[str]) -> None:
    """Carry out a plan a line."""
    load = Load()
    for line in lines:
        given: dict[str, Any] = json.loads(line)
        print(json.dumps(asdict(load.run(Plan(**given)))), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve(sys.stdin)
