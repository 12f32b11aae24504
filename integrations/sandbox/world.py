"""Where a scenario plays: our web server, the sandbox, and the sandbox's levers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from integrations.sandbox import wire
from integrations.sandbox.caller import Caller, Habits

Json = dict[str, Any]
SATURDAY = 5


class SandboxUnreachable(Exception):
    """The sandbox didn't do what it was told; the message says what to do next."""


@dataclass
class World:
    """What the callers of a scenario share.

    :param late_by_s: how late Cal.com answers where it answers too late.
    :param booked: the appointment that each scenario booked, for a later one.
    """

    web_url: str
    sandbox_url: str
    webhook_key: str
    to_number: str
    agent_id: str = ""
    from_number: str = ""
    #: Agents use our tools through MCP with this key; empty: as custom functions.
    mcp_key: str = ""
    service: str = ""
    timezone: str = "Europe/Berlin"
    late_by_s: float = 12.0
    status_pause_s: float = 1.0
    clock: Callable[[], float] = time.time
    booked: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_sandbox(cls, web_url: str, sandbox_url: str, **known: Any) -> World:
        """Take number, agent and webhook key from the sandbox where none is given.

        :raises SandboxUnreachable: it doesn't answer, or has no phone number.
        """
        state = _expect(wire.send("GET", f"{sandbox_url}/retell/_sandbox/state"))
        number = state["phone_numbers"][0]
        agents = number["inbound_agents"] or [{"agent_id": ""}]
        defaults = {
            "webhook_key": state["webhook_key"],
            "to_number": number["phone_number"],
            "agent_id": agents[0]["agent_id"],
        }
        given = {name: value for name, value in known.items() if value}
        return cls(web_url, sandbox_url, **(defaults | given))

    def caller(self, from_number: str, habits: Habits | None = None) -> Caller:
        """Return a caller from this number, unless one number is set for all."""
        return Caller(
            self.web_url,
            webhook_key=self.webhook_key,
            from_number=self.from_number or from_number,
            to_number=self.to_number,
            agent_id=self.agent_id,
            mcp_key=self.mcp_key,
            habits=habits,
            clock=self.clock,
            report=self._keep,
        )

    def wish(self, **arguments: Any) -> Json:
        """Return a tool's arguments, with the service where one is set."""
        return arguments | ({"service": self.service} if self.service else {})

    def today(self) -> date:
        return datetime.fromtimestamp(self.clock(), ZoneInfo(self.timezone)).date()

    def workday(self, place: int) -> date:
        """Return the n-th workday from the day after tomorrow, Mondays left out.

        Mondays belong to the scenario that speaks of "Montag".
        """
        day = self.today() + timedelta(days=2)
        days: list[date] = []
        while len(days) <= place:
            if 0 < day.weekday() < SATURDAY:
                days.append(day)
            day += timedelta(days=1)
        return days[place]

    def occupy(self, day: date, hour: int) -> None:
        """Have somebody else book this hour at Cal.com, past all of our doors.

        :raises SandboxUnreachable: it wasn't booked.
        """
        start = datetime(day.year, day.month, day.day, hour, tzinfo=self._zone())
        self._control(
            "POST", "bookings", {"start": start.isoformat(), "name": "Jemand Anderes"}
        )

    def fault(self, route: str, **kind: Any) -> None:
        """Have Cal.com misbehave on this route (`POST /v2/bookings`, `* /v2/*`)."""
        self._control("POST", "faults", {"route": route, **kind})

    def clear_faults(self) -> None:
        """Have Cal.com behave again."""
        self._control("DELETE", "faults", None)

    def _control(self, method: str, door: str, body: Json | None) -> None:
        raw = None if body is None else wire.compact(body)
        _expect(wire.send(method, f"{self.sandbox_url}/_sandbox/{door}", raw))

    def _keep(self, call: Json) -> None:
        address = f"{self.sandbox_url}/retell/_sandbox/calls/{call['call_id']}"
        _expect(wire.send("PUT", address, wire.compact(call)))

    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def _expect(reply: wire.Reply) -> Any:
    if reply.is_success:
        return reply.json()
    if not reply.status:
        raise SandboxUnreachable(
            f"The sandbox does not answer ({reply.error}). Start it with "
            "`manage.py sandbox --port N` and pass its address as --sandbox."
        )
    raise SandboxUnreachable(
        f"The sandbox refused with HTTP {reply.status}: "
        f"{reply.body.decode(errors='replace')[:300]}"
    )
