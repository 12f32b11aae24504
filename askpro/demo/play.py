"""Play the calls, wait until both sides are at rest, gather what there is to judge."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from askpro.demo.checks import Evidence
from bookings.models import Appointment, Call, Notification
from integrations.sandbox import wire
from integrations.sandbox.scenarios import SCENARIOS, play
from integrations.sandbox.world import World
from webhooks.models import WebhookLog
from webhooks.timeline import as_json, timeline

Json = dict[str, Any]
REST_TIMEOUT_S = 90.0


def all_scenarios(world: World, *, tell: Callable[[str], None]) -> list[Json]:
    """Play every scenario; return one report for each call.

    Each begins when the one before is at rest, or one's retry would meet another's
    fault. Runs in the company's scope.
    """
    reports: list[Json] = []
    for letter, scenario in SCENARIOS.items():
        title = (scenario.__doc__ or "").splitlines()[0]
        tell(f"\n{title}")
        played = play(letter, world)
        for report in played:
            for line in conversation(report):
                tell(f"    {line}")
        reports += played
        wait_for_rest(played)
    return reports


def conversation(report: Json) -> list[str]:
    """Return a call as lines: who said what, how long each answer took."""
    lines = []
    for step in report["steps"]:
        if step["said"]:
            lines.append(f"Anrufer: „{step['said']}“")
        if step["kind"] == "tool":
            lines.append(
                f"  {step['name']} → {step['outcome']}, {step['duration_ms']} ms"
            )
        if step["heard"]:
            lines.append(f"Agent:   „{step['heard']}“")
    return [*lines, f"→ {report['outcome']}"]


def wait_for_rest(reports: list[Json]) -> None:
    """Wait until nothing is under way any more, at most a minute and a half.

    What is still under way then, the checks will say. Runs in the company's scope.
    """
    give_up = time.monotonic() + REST_TIMEOUT_S
    ids = [report["correlation_id"] for report in reports]
    while time.monotonic() < give_up and _is_busy(ids):
        time.sleep(0.5)


def _is_busy(correlation_ids: list[str]) -> bool:
    calls = Call.objects.filter(correlation_id__in=correlation_ids)
    unfinished = ("received", "processing", "retrying")
    return (
        calls.exclude(status=Call.Status.ANALYZED).exists()
        or Appointment.objects.filter(call__in=calls, intent__isnull=False).exists()
        or Notification.objects.filter(
            appointment__call__in=calls, state__in=["due", "sending"]
        ).exists()
        or WebhookLog.objects.filter(state__in=unfinished).exists()
    )


def evidence(reports: list[Json], sandbox_url: str) -> Evidence:
    """Return the reports beside everything that the calendar holds."""
    bookings = wire.send("GET", f"{sandbox_url}/_sandbox/bookings").json()
    return Evidence(reports, bookings["bookings"])


def call_as_json(report: Json) -> Json:
    """Return a call with its rows: the appointment and every step, by time."""
    call = Call.objects.get(call_id=report["call_id"])
    appointment = (
        Appointment.objects.filter(pk=report["appointment_id"]).first()
        if report["appointment_id"]
        else None
    )
    return {
        "scenario": report["scenario"],
        "call_id": report["call_id"],
        "correlation_id": call.correlation_id,
        "outcome": report["outcome"],
        "appointment": appointment
        and {
            "state": appointment.state,
            "starts_at": appointment.starts_at.isoformat(),
            "calcom_uid": appointment.calcom_uid,
        },
        "steps": as_json(timeline(call)),
    }
