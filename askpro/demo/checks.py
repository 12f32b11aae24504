"""Do our rows and the calendar agree? Each check compares both, and says what it saw.

They judge rows alone: nothing here knows what a caller was supposed to hear.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from bookings.models import Appointment, Call, Notification, Occupancy
from integrations.models import ToolCall
from webhooks.models import WebhookLog

Json = dict[str, Any]
LIVE = ("accepted", "pending")
ANSWER_WITHIN_MS = 2000


@dataclass(frozen=True)
class Check:
    """One claim, whether it holds, and what it was judged by."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Evidence:
    """What is looked at: the reports of the callers, and what the calendar holds.

    :param reports: one for each call, as :mod:`integrations.sandbox.scenarios` gives.
    :param bookings: everything that the calendar holds, each with ``uid``,
        ``status``, ``start`` (ISO) and ``metadata``.
    """

    reports: Sequence[Json]
    bookings: Sequence[Json]

    def calls(self, *letters: str) -> list[Call]:
        """Return the rows of the calls of these scenarios; all without a letter."""
        ids = [
            report["call_id"]
            for report in self.reports
            if not letters or report["scenario"] in letters
        ]
        return list(Call.objects.filter(call_id__in=ids).order_by("rang_at"))

    def appointments(self, *letters: str) -> list[Appointment]:
        """Return the appointments that these calls made."""
        return list(
            Appointment.objects.filter(call__in=self.calls(*letters)).order_by("id")
        )

    def of_key(self, appointment: Appointment) -> list[Json]:
        """Return the calendar's bookings that carry an appointment's key."""
        key = str(appointment.key)
        return [
            one
            for one in self.bookings
            if (one.get("metadata") or {}).get("askpro_appointment") == key
        ]

    def live(self, appointment: Appointment) -> list[Json]:
        """Return those of them that take place."""
        return [one for one in self.of_key(appointment) if one["status"] in LIVE]


_Judge = Callable[[Evidence], Iterator[str]]
_judges: dict[str, _Judge] = {}


def _check(name: str) -> Callable[[_Judge], _Judge]:
    def add(judge: _Judge) -> _Judge:
        _judges[name] = judge
        return judge

    return add


def all_checks(evidence: Evidence) -> list[Check]:
    """Judge everything; run inside the demo company's scope."""
    checks = []
    for name, judge in _judges.items():
        complaints = list(judge(evidence))
        detail = "; ".join(complaints) or (judge.__doc__ or "").strip()
        checks.append(Check(name, not complaints, detail))
    return checks


def _starts(booking: Json) -> datetime:
    return datetime.fromisoformat(booking["start"])


@_check("calendar_agrees")
def _calendar_agrees(evidence: Evidence) -> Iterator[str]:
    """Every booked appointment is one live booking of the same time, and only those."""
    for appointment in evidence.appointments():
        live = evidence.live(appointment)
        if appointment.intent is not None:
            yield f"{appointment.pk} is still under way"
        elif appointment.state == Appointment.State.BOOKED:
            same = [one for one in live if one["uid"] == appointment.calcom_uid]
            if len(live) != 1 or len(same) != 1:
                yield f"{appointment.pk} is booked, the calendar has {len(live)}"
            elif _starts(same[0]) != appointment.starts_at:
                yield f"{appointment.pk} starts at another time in the calendar"
        elif live:
            yield f"{appointment.pk} is {appointment.state}, the calendar has it live"


@_check("alternatives_then_booked")
def _alternatives(evidence: Evidence) -> Iterator[str]:
    """(a) The wished time was taken, another was offered, accepted and booked."""
    asked = ToolCall.objects.filter(
        call_row_id__in=[call.pk for call in evidence.calls("a")],
        tool="check_availability",
        code="taken",
    )
    if not any(answer.answer["data"].get("offers") for answer in asked):
        yield "nobody was told that the time is taken and offered another"
    made = [one for one in evidence.appointments("a") if evidence.of_key(one)]
    if len(made) != 1 or not made[0].changes.filter(what="book", why="").exists():
        yield f"{len(made)} appointments reached the calendar instead of one"


@_check("confirmed_in_writing")
def _confirmed(evidence: Evidence) -> Iterator[str]:
    """(a) The booking was confirmed by e-mail."""
    sent = Notification.objects.filter(
        appointment__in=evidence.appointments("a"),
        kind=Notification.Kind.BOOKED,
        state=Notification.State.SENT,
    ).count()
    if sent != 1:
        yield f"{sent} confirmations were sent"


@_check("moved")
def _moved(evidence: Evidence) -> Iterator[str]:
    """(b) The appointment moved: a new booking follows the old one in the calendar."""
    moves = [
        (one, change)
        for one in evidence.appointments("a")
        for change in one.changes.filter(what="move", why="")
    ]
    if len(moves) != 1:
        yield f"{len(moves)} moves are recorded"
    for appointment, change in moves:
        if change.before["starts_at"] == change.after["starts_at"]:
            yield "the move changed no time"
        held = {one["uid"] for one in evidence.of_key(appointment)}
        chain = {*appointment.earlier_uids, appointment.calcom_uid}
        if len(chain) < 2 or not chain <= held:
            yield "the calendar doesn't know both bookings of the move"


@_check("cancelled")
def _cancelled(evidence: Evidence) -> Iterator[str]:
    """(c) The appointment is cancelled, its time free on both sides."""
    for appointment in evidence.appointments("a"):
        if appointment.state != Appointment.State.CANCELLED:
            yield f"it is {appointment.state}"
        if evidence.live(appointment):
            yield "it is live in the calendar"
        if Occupancy.objects.filter(appointment=appointment).exists():
            yield "its time is still taken"


@_check("anonymous_booked")
def _anonymous(evidence: Evidence) -> Iterator[str]:
    """(d) A caller without a number has exactly one booking, under a name alone."""
    booked = [
        one
        for one in evidence.appointments("d")
        if one.state == Appointment.State.BOOKED and len(evidence.live(one)) == 1
    ]
    if len(booked) != 1:
        yield f"{len(booked)} bookings"
    if any(one.customer.phone for one in booked):
        yield "a telephone number was made up"


@_check("race_has_one_winner")
def _race(evidence: Evidence) -> Iterator[str]:
    """(e) Of two callers for one time one is booked, the other heard alternatives."""
    outcomes = Counter(
        report["outcome"] for report in evidence.reports if report["scenario"] == "e"
    )
    if outcomes != {"booked": 1, "alternatives": 1}:
        yield f"the callers heard: {dict(outcomes)}"
    live = [one for row in evidence.appointments("e") for one in evidence.live(row)]
    if len(live) != 1:
        yield f"the calendar has {len(live)} bookings"


@_check("noted_then_booked")
def _noted(evidence: Evidence) -> Iterator[str]:
    """(f) With the calendar down the caller heard "noted"; it was booked afterwards."""
    yield from _pending_then_one(evidence, "f")


@_check("late_answer_books_once")
def _late(evidence: Evidence) -> Iterator[str]:
    """(g) The calendar answered too late; one booking exists."""
    yield from _pending_then_one(evidence, "g")


def _pending_then_one(evidence: Evidence, letter: str) -> Iterator[str]:
    told = ToolCall.objects.filter(
        call_row_id__in=[call.pk for call in evidence.calls(letter)],
        tool="create_booking",
    ).values_list("code", flat=True)
    if list(told) != ["pending"]:
        yield f"the caller was told: {list(told)}"
    rows = evidence.appointments(letter)
    if [one.state for one in rows] != [Appointment.State.BOOKED]:
        yield f"our rows: {[one.state for one in rows]}"
    for one in rows:
        if len(evidence.of_key(one)) != 1:
            yield f"the calendar has {len(evidence.of_key(one))} bookings of it"


@_check("nothing_doubles")
def _doubles(evidence: Evidence) -> Iterator[str]:
    """(h) Everything came twice: one call, one appointment, each delivery once."""
    calls = evidence.calls("h")
    expected = sum(report["scenario"] == "h" for report in evidence.reports)
    if len(calls) != expected or not expected:
        yield f"{len(calls)} calls"
    if [call.status for call in calls] != [Call.Status.ANALYZED] * expected:
        yield f"status: {[call.status for call in calls]}"
    live = [one for row in evidence.appointments("h") for one in evidence.live(row)]
    if len(live) != 1 or len(evidence.appointments("h")) != 1:
        yield f"{len(evidence.appointments('h'))} appointments, {len(live)} bookings"
    for call in calls:
        events = Counter(
            WebhookLog.objects.filter(
                provider="retell", correlation_id=call.correlation_id
            ).values_list("event", flat=True)
        )
        doubled = [event for event, count in events.items() if count > 1]
        if doubled or "call_analyzed" not in events:
            yield f"deliveries: {dict(events)}"


@_check("one_correlation_id")
def _correlated(evidence: Evidence) -> Iterator[str]:
    """Each call is one row, and all that it caused carries its correlation id."""
    for report in evidence.reports:
        calls = Call.objects.filter(call_id=report["call_id"])
        if [one.correlation_id for one in calls] != [report["correlation_id"]]:
            yield f"{report['scenario']}: {len(calls)} calls, or another id"
            continue
        asked = ToolCall.objects.filter(call_row_id=calls[0].pk)
        used = sum(step["kind"] == "tool" for step in report["steps"])
        same = asked.filter(correlation_id=report["correlation_id"]).count()
        if not used <= same == asked.count():
            yield f"{report['scenario']}: {used} questions, {same} rows"


@_check("answers_within_two_seconds")
def _in_time(evidence: Evidence) -> Iterator[str]:
    """Every answer to an agent came within two seconds, as the caller measured it."""
    for report in evidence.reports:
        for step in report["steps"]:
            if step["kind"] == "tool" and step["duration_ms"] > ANSWER_WITHIN_MS:
                yield f"{report['scenario']}: {step['name']} {step['duration_ms']} ms"


@_check("deliveries_processed")
def _processed(evidence: Evidence) -> Iterator[str]:
    """Every delivery of these calls was worked on to its end."""
    for call in evidence.calls():
        states = Counter(
            WebhookLog.objects.filter(correlation_id=call.correlation_id).values_list(
                "state", flat=True
            )
        )
        if not states or set(states) != {"done"}:
            yield f"{call.call_id}: {dict(states) or 'no delivery'}"


@_check("nobody_overlaps")
def _no_overlap(evidence: Evidence) -> Iterator[str]:
    """No two bookings of ours overlap in the calendar."""
    live = sorted(
        (_starts(one), datetime.fromisoformat(one["end"]))
        for row in evidence.appointments()
        for one in evidence.live(row)
    )
    for earlier, later in pairwise(live):
        if later[0] < earlier[1]:
            yield f"{later[0]:%d.%m. %H:%M} overlaps"
