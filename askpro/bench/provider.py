"""A Cal.com that only waits: its own work would be measured with ours.

The sandbox checks, stores and remembers, which takes longer than what is measured
here. This one answers slots and bookings in Cal.com's shape after a fixed time.
"""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
FIRST_HOUR, HOURS = 7, 10
VISIT = timedelta(minutes=30)

asked: Counter[str] = Counter()
keys: set[str] = set()


class Exchange(asyncio.Protocol):
    """One connection, kept alive."""

    def __init__(self, delay_s: float) -> None:
        self.delay_s = delay_s
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the line."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer a request that has come in full."""
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        if not end or len(body) < length:
            return
        self.received = b""
        method, target = head.split(b" ", 2)[:2]
        answer, delay_s = self._answer(method.decode(), target.decode(), body)
        asyncio.get_running_loop().call_later(delay_s, self._write, answer)

    def _answer(self, method: str, target: str, body: bytes) -> tuple[bytes, float]:
        url = urlsplit(target)
        if url.path == "/asked":
            return _http({"asked": asked, "bookings": len(keys)}), 0.0
        asked[f"{method} {url.path}"] += 1
        if url.path == "/v2/slots":
            query = parse_qs(url.query)
            return slots(query["start"][0], query["end"][0]), self.delay_s
        return _http(booking(json.loads(body))), self.delay_s

    def _write(self, answer: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(answer)


@lru_cache(maxsize=512)
def slots(start: str, end: str) -> bytes:
    """Return every half hour of ten hours of each day."""
    begin, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    days: dict[str, list[Json]] = {}
    day = begin.replace(hour=FIRST_HOUR, minute=0)
    while day < last:
        starts = [day + VISIT * number for number in range(2 * HOURS)]
        days[day.date().isoformat()] = [
            {"start": at.isoformat(), "end": (at + VISIT).isoformat()}
            for at in starts
            if begin <= at and at + VISIT <= last
        ]
        day += timedelta(days=1)
    return _http({"status": "success", "data": days})


def booking(wanted: Json) -> Json:
    """Return a booking that is accepted, and remember its key."""
    start = datetime.fromisoformat(wanted["start"]).astimezone(UTC)
    keys.add(wanted["metadata"]["askpro_appointment"])
    data = {
        "uid": uuid.uuid4().hex,
        "status": "accepted",
        "start": start.isoformat(),
        "end": (start + VISIT).isoformat(),
        "metadata": wanted["metadata"],
        "hosts": [],
        "attendees": [],
    }
    return {"status": "success", "data": data}


def _http(value: Json) -> bytes:
    body = json.dumps(value).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def serve(delay_s: float) -> None:
    """Listen on a free port, print it, answer until the end."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Exchange(delay_s), "127.0.0.1", 0, backlog=512
    )
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)  # noqa: T201
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
