"""Calls with a known end, their events as Retell sends them, and who sends them."""

from __future__ import annotations

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bookings.models import Call
from integrations.sandbox import wire
from tenants.scoping import every_company, scope
from tests.system import SALON_NUMBER, System, eventually
from webhooks.models import WebhookAttempt, WebhookLog

TERMINAL = {"done", "ignored", "unresolved", "dead"}
SENDERS = 16
_BEGAN_MS = 1_790_000_000_000


@dataclass(frozen=True)
class Told:
    """What is told about one call."""

    number: int
    call_id: str

    @classmethod
    def make(cls, number: int) -> Told:
        """Return a call that nobody knows yet."""
        return cls(number, f"call_{uuid.uuid4().hex}")

    @property
    def transcript(self) -> str:
        """What was said, at the end."""
        return f"Agent: Guten Tag.\nUser: Wunsch {self.number}, bitte.\nAgent: Gern."

    def events(self) -> list[bytes]:
        """Return the bodies of its five events, each with all that was known then."""
        began = _BEGAN_MS + self.number * 60_000
        call: dict[str, Any] = {
            "call_id": self.call_id,
            "call_type": "phone_call",
            "agent_id": "agent_of_the_salon",
            "direction": "inbound",
            "from_number": f"+49301{self.number:07}",
            "to_number": SALON_NUMBER,
            "call_status": "ongoing",
            "start_timestamp": began,
        }
        half = call | {"transcript": self.transcript[:16]}
        whole = call | {"transcript": self.transcript}
        ended = whole | {
            "call_status": "ended",
            "end_timestamp": began + 42_000,
            "disconnection_reason": "user_hangup",
        }
        analysis = {"call_summary": f"Wunsch {self.number}", "call_successful": True}
        told = (
            ("call_started", call),
            ("transcript_updated", half),
            ("transcript_updated", whole),
            ("call_ended", ended),
            ("call_analyzed", ended | {"call_analysis": analysis}),
        )
        return [wire.compact({"event": name, "call": body}) for name, body in told]

    def expected(self) -> dict[str, Any]:
        """Return the columns of its row in the end."""
        began = datetime.fromtimestamp(_BEGAN_MS / 1000 + self.number * 60, UTC)
        return {
            "call_id": self.call_id,
            "correlation_id": self.call_id,
            "status": "analyzed",
            "from_number": f"+49301{self.number:07}",
            "to_number": SALON_NUMBER,
            "agent_id": "agent_of_the_salon",
            "direction": "inbound",
            "started_at": began,
            "ended_at": datetime.fromtimestamp(began.timestamp() + 42, UTC),
            "disconnection_reason": "user_hangup",
            "summary": f"Wunsch {self.number}",
            "transcript": self.transcript,
            "opinion": {"call_successful": True},
        }


def shuffled(calls: Sequence[Told], *, times: int = 2) -> list[bytes]:
    """Return all their events, each as often as said, in no order."""
    bodies = [raw for call in calls for raw in call.events()] * times
    random.shuffle(bodies)
    return bodies


def deliver(system: System, raw: bytes) -> int:
    """Send one delivery until it is taken; return how often it was not.

    Whoever is refused, or hears nothing, sends again: only a 2xx is a promise.
    """
    for refused in range(600):
        signed = wire.signature(
            raw, system.sandbox["retell"]["webhook_key"], int(time.time() * 1000)
        )
        reply = wire.send(
            "POST",
            f"{system.web_url}/api/webhooks/retell",
            raw,
            headers={"X-Retell-Signature": signed},
        )
        if reply.is_success:
            return refused
        assert reply.status in (0, 503), reply
        time.sleep(0.2)
    raise AssertionError("nobody took it")


def send(
    system: System, bodies: Sequence[bytes], disturb: Callable[[], None] | None = None
) -> int:
    """Send all of them, many at once; ``disturb`` runs meanwhile.

    :return: how many requests were refused or lost on the way.
    """
    with ThreadPoolExecutor(SENDERS) as pool:
        sent = [pool.submit(deliver, system, raw) for raw in bodies]
        if disturb is not None:
            disturb()
        return sum(one.result() for one in sent)


def states() -> Counter[str]:
    """Return how many deliveries there are in each state."""
    with every_company():
        return Counter(WebhookLog.objects.values_list("state", flat=True))


def settled(count: int, *, within_s: float) -> Counter[str]:
    """Wait until all are worked on; return what became of them."""

    def found() -> Counter[str] | None:
        now = states()
        return now if sum(now.values()) == count and set(now) <= TERMINAL else None

    result: Counter[str] = eventually(found, within_s=within_s)
    return result


def assert_told_once(company_id: uuid.UUID, calls: Sequence[Told]) -> None:
    """Show that every call is as it should be, and each delivery was done once."""
    wanted = {call.call_id: call.expected() for call in calls}
    names = list(calls[0].expected())
    with scope(company_id):
        rows = list(Call.objects.values(*names))
    assert len(rows) == len(calls)
    assert {row["call_id"]: row for row in rows} == wanted
    with every_company():
        done = WebhookAttempt.objects.filter(outcome="done").values_list("log")
        assert len(done) == len(set(done)) == len(calls) * 5
