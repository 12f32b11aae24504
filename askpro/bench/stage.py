"""What is measured: the product's processes, their bare counterparts, companies."""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from askpro.bench.figures import Series
from askpro.bench.load import Plan, Result
from askpro.demo.processes import Processes
from tenants.models import (
    Branch,
    Company,
    PhoneNumber,
    ProviderAccount,
    Service,
    Staff,
    StaffService,
)

Json = dict[str, Any]
KEY = "key of the bench"
COMPANIES = 64
PROVIDER_S = 0.3
AGENT = "agent_of_the_bench"
#: The bench signs in as the tables' owner: it looks at all rows and is no part of us.
OWNER = "owner"


class Stage:
    """The processes of one run, ended with it."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes
        self.companies: list[UUID] = []
        self._load = processes.launch(
            "load",
            [sys.executable, "-m", "askpro.bench.load"],
            speaks=True,
            listens=True,
        )
        processes.launch(
            "provider",
            [sys.executable, "-m", "askpro.bench.provider", str(PROVIDER_S)],
            speaks=True,
        )
        self.provider_port = int(processes.first_line("provider")["port"])

    def set_up(self) -> None:
        """Make the companies, each with a branch that is ready for calls."""
        account, _ = ProviderAccount.objects.using(OWNER).update_or_create(
            company=None,
            provider="retell",
            defaults={"base_url": "https://localhost", "webhook_secret": KEY},
        )
        self.processes.environment |= {
            "BENCH_ACCOUNT": str(account.pk),
            "BENCH_KEY": KEY,
            "BENCH_NUMBER": number_of(0),
            "BENCH_WAIT_S": str(PROVIDER_S),
        }
        for position in range(COMPANIES):
            self.companies.append(self._company(position))

    def _company(self, position: int) -> UUID:
        company, is_new = Company.objects.using(OWNER).get_or_create(
            slug=f"bench-{position}", defaults={"name": f"Salon {position}"}
        )
        ProviderAccount.objects.using(OWNER).update_or_create(
            company=company,
            provider="calcom",
            defaults={
                "base_url": f"http://127.0.0.1:{self.provider_port}",
                "api_key": "cal_bench",
            },
        )
        if not is_new:
            return company.pk
        branch = Branch.objects.using(OWNER).create(
            company=company,
            slug="mitte",
            name=f"Salon {position} Mitte",
            calcom_event_type_id=1000 + position,
            retell_agent_id=AGENT,
        )
        PhoneNumber.objects.using(OWNER).create(
            company=company, branch=branch, number=number_of(position)
        )
        service = Service.objects.using(OWNER).create(
            company=company, branch=branch, name="Beratung", duration_min=30
        )
        person = Staff.objects.using(OWNER).create(
            company=company, branch=branch, name="Anna Kamm"
        )
        StaffService.objects.using(OWNER).create(
            company=company, staff=person, service=service
        )
        return company.pk

    def web(self, name: str, *, workers: int, threads: int) -> int:
        """Start the product's web server; return its port once it answers."""
        port = free_port()
        self.processes.start(
            name,
            "web",
            *("--port", str(port)),
            *("--workers", str(workers), "--threads", str(threads)),
        )
        self.processes.wait_for(name, f"http://127.0.0.1:{port}/readyz")
        return port

    def counterpart(self, target: str, *, workers: int, threads: int) -> int:
        """Start the same server around another application; return its port."""
        name, port = target.rpartition(".")[2], free_port()
        wanted = {"usual": {"BENCH_USUAL": "1"}}.get(name, {})
        module = "bare" if name == "usual" else name
        kept = self.processes.environment
        self.processes.environment = kept | wanted
        self.processes.launch(
            name,
            [
                *(sys.executable, "-m", "askpro.bench.serve"),
                f"askpro.bench.{module}:application",
                *(str(port), str(workers), str(threads)),
            ],
        )
        self.processes.environment = kept
        wait_for_port(port)
        return port

    def run(self, plan: Plan) -> Result:
        """Have the load generator carry out a plan."""
        assert self._load.stdin is not None
        self._load.stdin.write(json.dumps(asdict(plan)) + "\n")
        self._load.stdin.flush()
        return Result(**self.processes.first_line("load"))

    def measure(self, series: Series, plan: Plan, *, server: str) -> Result:
        """Carry out a plan and add what came of it, with the server's CPU time."""
        pid = self.processes.running[server].pid
        before = cpu_s(pid)
        result = self.run(plan)
        series.add(result, cpu_s=cpu_s(pid) - before)
        return result

    def asked(self) -> Json:
        """Return what the provider was asked so far."""
        with socket.create_connection(("127.0.0.1", self.provider_port), 10) as sock:
            sock.sendall(b"GET /asked HTTP/1.1\r\nHost: bench\r\n\r\n")
            told: Json = orjson.loads(sock.recv(1 << 16).partition(b"\r\n\r\n")[2])
        return told

    @contextmanager
    def only(self, *names: str) -> Iterator[None]:
        """End these processes at the end of the block."""
        try:
            yield
        finally:
            self.processes.stop(*names)


def number_of(position: int) -> str:
    """Return the number of a company's branch."""
    return f"+4930555{position:04d}"


def call_object(call_id: str, position: int, **more: Any) -> Json:
    """Return Retell's call object."""
    return {
        "call_type": "phone_call",
        "call_id": call_id,
        "agent_id": AGENT,
        "call_status": "ongoing",
        "direction": "inbound",
        "from_number": f"+4917055{position:05d}",
        "to_number": number_of(position),
        **more,
    }


def tool_request(
    tool: str, call_id: str, position: int, /, **arguments: str
) -> tuple[str, str]:
    """Return path and body of a question to the function door."""
    body = {"name": tool, "call": call_object(call_id, position), "args": arguments}
    return "/api/mcp/retell/functions", orjson.dumps(body).decode()


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int) -> None:
    """Wait until somebody answers there.

    :raises OSError: nobody does.
    """
    give_up = time.monotonic() + 30
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process and those below it have used."""
    parents, used = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(") ")[2].split()
        except OSError:
            continue
        parents[int(entry.name)] = int(fields[1])
        used[int(entry.name)] = int(fields[11]) + int(fields[12])
    family, is_grown = {pid}, True
    while is_grown:
        more = {one for one, parent in parents.items() if parent in family} - family
        family |= more
        is_grown = bool(more)
    return sum(used.get(one, 0) for one in family) / os.sysconf("SC_CLK_TCK")
