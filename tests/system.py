"""The product's own processes for tests, and the levers of the sandbox."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from django.db import InterfaceError, OperationalError, connection

from askpro.demo.processes import Processes
from integrations.sandbox import wire
from integrations.sandbox.caller import Caller, Habits
from tenants.scoping import let_go

Json = dict[str, Any]


@dataclass
class System:
    """Where the processes listen."""

    processes: Processes
    web_url: str
    sandbox: Json

    def start(self, name: str, **environment: str) -> None:
        """Start one of the processes, with more in its environment."""
        kept = self.processes.environment
        self.processes.environment = kept | environment
        port = str(urlsplit(self.web_url).port)
        self.processes.start(
            name, *COMMANDS[name], *(["--port", port] * (name == "web"))
        )
        self.processes.environment = kept

    def kill(self, name: str) -> None:
        """Kill a process and all its children, as a lack of memory would."""
        os.killpg(self.processes.running[name].pid, signal.SIGKILL)
        self.processes.stop(name)

    def restart(self, name: str, **environment: str) -> None:
        """Stop a process in order, and start it with another environment."""
        # It may be at rest, and would not hear.
        os.killpg(self.processes.running[name].pid, signal.SIGCONT)
        self.processes.stop(name)
        self.start(name, **environment)

    @property
    def sandbox_url(self) -> str:
        """The sandbox, without the provider's part of the path."""
        return str(self.sandbox["calcom"]["base_url"]).rsplit("/", 1)[0]

    def control(self, method: str, door: str, body: Json | None = None) -> Json:
        """Use a lever of the sandbox."""
        raw = None if body is None else wire.compact(body)
        reply = wire.send(method, f"{self.sandbox_url}/_sandbox/{door}", raw)
        assert reply.is_success, (door, reply)
        return reply.json() or {}

    def is_as_new(self) -> bool:
        """Make the sandbox as new; False where it could not be."""
        url = f"{self.sandbox_url}/_sandbox"
        asked = (("DELETE", "faults"), ("POST", "reset"))
        return all(wire.send(how, f"{url}/{door}").is_success for how, door in asked)

    def fault(self, route: str, kind: str, value: float = 0, times: int = 1000) -> None:
        """Have a route of the sandbox misbehave."""
        self.control(
            "POST",
            "faults",
            {"route": route, "kind": kind, "value": value, "times": times},
        )

    def bookings(self) -> list[Json]:
        """Return everything that the sandbox's Cal.com holds."""
        return list(self.control("GET", "bookings")["bookings"])

    def retell_knows(self, call: Json) -> None:
        """Let the sandbox's Retell answer with this call when it is asked."""
        url = f"{self.sandbox['retell']['base_url']}/_sandbox/calls/{call['call_id']}"
        reply = wire.send("PUT", url, wire.compact(call))
        assert reply.is_success, reply

    def caller(
        self, number: str = "+493023125042", habits: Habits | None = None, **more: Any
    ) -> Caller:
        """Return a caller of the salon."""
        return Caller(
            self.web_url,
            webhook_key=self.sandbox["retell"]["webhook_key"],
            from_number=number,
            to_number=more.pop("to_number", SALON_NUMBER),
            agent_id="agent_of_the_salon",
            habits=habits,
            report=self.retell_knows,
            **more,
        )


SALON_NUMBER = "+493083793369"
#: The product's own processes, as ``Procfile`` starts them.
COMMANDS = {
    "web": ("web",),
    "live": ("worker", "--queues", "live"),
    "background": ("worker", "--queues", "inbox,background"),
    "beat": ("beat",),
}
WORKERS = ("beat", "background", "live")


def start(processes: Processes) -> System:
    """Start sandbox, web, workers and clock; return once all answer."""
    processes.start("sandbox", "sandbox", "--port", "0", speaks=True)
    sandbox = processes.first_line("sandbox")
    system = System(processes, f"http://127.0.0.1:{free_port()}", sandbox)
    for name in COMMANDS:
        system.start(name)
    processes.wait_for("web", f"{system.web_url}/readyz")
    return system


def back_again() -> None:
    """Wait until this process reaches a PostgreSQL that was restarted."""

    def reached() -> bool:
        try:
            let_go()  # what died with the server
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except (OperationalError, InterfaceError):
            return False
        return True

    eventually(reached, within_s=60)


#: In that time the server has read what a halted process sent; else it is tried again.
SENT_S = 0.1


def rest(processes: Processes) -> None:
    """Halt the workers between two of their transactions.

    A test that does their work itself then has its rows to itself.
    """
    for _ in range(500):
        _signal(processes, signal.SIGSTOP)
        # What they sent just before may not have reached the server's own process.
        is_busy = _is_busy()
        if not is_busy:
            time.sleep(SENT_S)
            is_busy = _is_busy()
        if not is_busy:
            return
        _signal(processes, signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("the workers never came to rest")


def wake(processes: Processes) -> None:
    """Let the workers go on."""
    _signal(processes, signal.SIGCONT)


def _signal(processes: Processes, number: signal.Signals) -> None:
    for name in WORKERS:
        if name in processes.running:
            os.killpg(processes.running[name].pid, number)


def _is_busy() -> bool:
    """Tell whether anybody has a transaction open in this database."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        row = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
        ).fetchone()
    return bool(row and row[0])


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(question: Callable[[], Any], *, within_s: float = 30.0) -> Any:
    """Return the first true answer; a generous limit, never a measured time."""
    give_up = time.monotonic() + within_s
    while True:
        answer = question()
        if answer:
            return answer
        assert time.monotonic() < give_up, "it never became true"
        time.sleep(0.05)


def logs_of(processes: Processes) -> str:
    """Return the last words of each process, for a test that failed."""
    return "\n".join(
        f"--- {path.name}\n{path.read_text()[-1500:]}"
        for path in sorted(processes.logs.glob("*.log"))
        if os.path.getsize(path)
    )
