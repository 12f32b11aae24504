"""The measuring itself: it signs, counts failures; its stand-ins are well formed."""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
import sys
import threading
import time

import pytest

from askpro.bench import doors, provider
from askpro.bench.figures import Part, Series, Spread, Target, percentile
from askpro.bench.load import SERIAL, Load, Plan, Result, is_whole
from askpro.bench.stage import cpu_s
from askpro.demo.processes import BASE_DIR
from integrations.calcom.answers import Booking, slots_of
from integrations.retell import signatures
from tests.system import free_port


class Door(socketserver.StreamRequestHandler):
    """Answers 204 to a first body and 500 to one that came before."""

    def handle(self):
        while True:
            head = {}
            while line := self.rfile.readline().strip():
                name, _, value = line.decode().partition(": ")
                head[name.lower()] = value
            if not head:
                return
            body = self.rfile.read(int(head["content-length"]))
            is_new = body not in self.server.bodies
            is_signed = signatures.verify(
                body,
                head["x-retell-signature"],
                ["the key"],
                now_ms=int(time.time() * 1000),
            )
            self.server.bodies.append(body)
            status = "204 No Content" if is_new and is_signed else "500 Broken"
            self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())


@pytest.fixture
def door():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Door) as server:
        server.daemon_threads = True
        server.bodies = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_load_sends_each_request_once_signed_and_distinct(door):
    plan = Plan(
        door.server_address[1], [("/", f'{{"n":"{SERIAL}"}}')], 4, "the key", count=25
    )

    result = Load().run(plan)

    assert (result.answered, result.failed) == (25, 0)
    assert len(result.latencies_ms) == 25
    assert len(set(door.bodies)) == 25


def test_load_counts_what_failed(door):
    plan = Plan(door.server_address[1], [("/", "{}")], 1, "the key", count=3)

    result = Load().run(plan)

    assert (result.answered, result.failed) == (1, 2)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n", False),
        (b"HTTP/1.1 200 OK\r\nserver: x", False),
    ],
)
def test_an_answer_is_whole_when_its_body_is(received, expected):
    assert is_whole(received) is expected


def test_the_body_of_a_delivery_has_six_kilobytes():
    body = doors.body("call_1")

    assert len(body) == doors.BODY_BYTES
    assert json.loads(body)["call"]["call_id"] == "call_1"


def test_the_provider_of_the_bench_speaks_as_calcom_does():
    raw = provider.slots("2026-11-25T00:00:00Z", "2026-11-27T00:00:00Z")
    slots = slots_of(json.loads(raw.partition(b"\r\n\r\n")[2])["data"])
    key = "0199aaaa-0000-7000-8000-000000000001"
    wanted = {
        "start": "2026-11-25T09:00:00Z",
        "metadata": {"askpro_appointment": key},
    }
    booking = Booking.from_json(provider.booking(wanted)["data"])

    assert len(slots) == 40
    assert (str(booking.key), booking.status) == (key, "accepted")
    assert booking.duration_min == 30


def test_a_part_tells_of_failures_and_of_targets_that_are_missed():
    part = Part("Doors", "")
    result = Result(seconds=2.0, statuses={"204": 8, "500": 1}, latencies_ms=[1.0] * 9)
    part.of("ours", 16).add(result, cpu_s=0.4)
    part.targets = [Target("a ratio", 0.5, 0.6, is_upper=False)]

    assert not part.no_failures().ok
    assert part.of("ours", 16).to_json()["per_s"] == [4.0, 4.0, 4.0]
    assert part.of("ours", 16).to_json()["cpu_ms"] == [50.0, 50.0, 50.0]
    assert "✗ a ratio: 0.50 (wanted ≥ 0.6)" in part.lines()[-1]


def test_spread_and_percentile_name_the_middle_and_the_edges():
    assert Spread.of([3.0, 1.0, 2.0]) == Spread(2.0, 1.0, 3.0)
    assert percentile(list(range(1, 101)), 99) == 100
    assert percentile([], 50) == 0.0
    assert Series().answered == 0


def test_cpu_time_counts_a_process_and_its_children():
    before = cpu_s(os.getpid())
    child = subprocess.Popen(
        [sys.executable, "-c", "sum(range(10**7)); input()"],
        stdin=subprocess.PIPE,
        cwd=BASE_DIR,
    )
    while cpu_s(child.pid) == 0.0:
        time.sleep(0.05)

    assert cpu_s(os.getpid()) > before
    child.communicate(b"\n")


def test_two_web_processes_share_no_connection(system, salon):
    port = free_port()
    system.processes.start(
        "pair", "web", "--port", str(port), "--workers", "2", "--threads", "4"
    )
    system.processes.wait_for("pair", f"http://127.0.0.1:{port}/readyz")
    path = "/api/webhooks/retell"
    bodies = [(path, doors.body(f"pair{SERIAL}"))]
    key = system.sandbox["retell"]["webhook_key"]

    result = Load().run(Plan(port, bodies, 16, key, count=200))
    system.processes.stop("pair")

    assert (result.answered, result.failed) == (200, 0)
