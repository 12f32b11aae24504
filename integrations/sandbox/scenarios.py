"""What callers want, played against a running AskPro.

A scenario reports what it heard. Whether the rows and the calendar agree is for
others to judge; here it only complains of answers that no agent could use.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from itertools import product
from threading import Barrier
from typing import Any

from integrations.sandbox.caller import ANONYMOUS, Caller, Habits
from integrations.sandbox.world import World

Json = dict[str, Any]
Scenario = Callable[[World], list[Json]]

# 030 23125 is set aside for films: nobody's telephone rings.
ERIKA, RACER_1, RACER_2 = "+493023125042", "+493023125051", "+493023125052"
NOTED, LATE, DOUBLED = "+493023125061", "+493023125071", "+493023125081"
DONE = frozenset({"ok", "booked"})
OPEN = frozenset({"pending", "unknown_state"})
REFUSED = frozenset({"taken", "nothing_free"})
STATUS_QUESTIONS = 3
RACE_TIMES = ("11:00", "13:00", "10:00", "15:00", "12:00", "16:00")


class Part:
    """One caller's part in a scenario: asks, and remembers what was odd."""

    def __init__(self, scenario: str, caller: Caller) -> None:
        self.scenario = scenario
        self.caller = caller
        self.complaints: list[str] = []
        self.appointment_id: str | None = None
        self.starts_at: str | None = None

    def begin(self) -> None:
        """Ring and have the agent pick up."""
        if not self.caller.ring():
            self.complaints.append("the ring's answer tells the agent nothing")
        self.caller.start()

    def ask(
        self, said: str, tool: str, expected: frozenset[str], /, **args: Any
    ) -> Json:
        """Say a sentence that makes the agent use a tool; return its answer."""
        answer = self.caller.says(said).tool(tool, **args)
        self._remember(answer)
        if answer.get("code") not in expected:
            self.complaints.append(
                f"{tool} answered {answer.get('code')!r} where "
                f"{' or '.join(sorted(expected))} was due"
            )
        return answer

    def find(self, said: str, appointment_id: str) -> None:
        """Have the agent look the caller up, who must be known by her number."""
        answer = self.ask(said, "find_bookings", frozenset({"ok"}))
        if appointment_id not in str(answer.get("data")):
            self.complaints.append("find_bookings doesn't name the appointment")
        self.appointment_id = appointment_id

    def settle(self, answer: Json, pause_s: float) -> Json:
        """Ask for the outcome a few times, as an agent does after "pending"."""
        for _ in range(STATUS_QUESTIONS):
            if answer.get("code") not in OPEN:
                break
            time.sleep(pause_s)
            wanted = {"appointment_id": self.appointment_id or ""}
            answer = self.caller.tool("booking_status", **wanted)
            self._remember(answer)
        return answer

    def end(self, outcome: str, summary: str) -> Json:
        """Hang up and report the part."""
        self.caller.hang_up(
            summary=summary, is_successful=outcome in {"booked", "moved", "cancelled"}
        )
        return self.report(outcome)

    def report(self, outcome: str) -> Json:
        """Return the part as data; ``ok`` where nothing was odd."""
        self.complaints += [
            f"{step.name}: {step.outcome}"
            for step in self.caller.steps
            if step.outcome != "dropped" and not 200 <= step.status < 300
        ]
        return {
            "scenario": self.scenario,
            "call_id": self.caller.call_id,
            "correlation_id": self.caller.correlation_id,
            "outcome": outcome,
            "appointment_id": self.appointment_id,
            "starts_at": self.starts_at,
            "ok": not self.complaints,
            "complaints": self.complaints,
            "steps": self.caller.steps_as_json(),
        }

    def _remember(self, answer: Json) -> None:
        data = answer.get("data") or {}
        self.appointment_id = data.get("appointment_id") or self.appointment_id
        if answer.get("code") in DONE | OPEN:
            self.starts_at = data.get("starts_at") or self.starts_at


def taken_then_alternative(world: World) -> list[Json]:
    """(a) "Montag um 14 Uhr" is taken; the caller accepts an alternative."""
    for monday in _mondays(world):
        world.occupy(monday, 14)
    part = Part("a", world.caller(ERIKA))
    part.begin()
    heard = part.ask(
        "Guten Tag, ich hätte gern einen Termin am Montag um 14 Uhr.",
        "check_availability",
        REFUSED | {"ok"},
        **world.wish(date="Montag", time="14 Uhr"),
    )
    return [_accept(world, part, heard, "Erika Beispiel", email="erika@example.com")]


def move(world: World) -> list[Json]:
    """(b) The same customer calls again and moves the appointment."""
    appointment_id, earlier = _appointment_of_erika(world)
    part = Part("b", world.caller(ERIKA))
    part.begin()
    part.find("Guten Tag, hier ist noch einmal Erika Beispiel.", appointment_id)
    day = world.workday(0).isoformat()
    heard = part.ask(
        "Ich möchte meinen Termin verlegen. Was ist denn an dem Tag frei?",
        "check_availability",
        frozenset({"ok"}),
        **world.wish(date=day),
    )
    offer = _first_offer(part, heard)
    if offer is None:
        return [*earlier, part.end("failed", "Kein anderer Termin gefunden.")]
    answer = part.ask(
        f"Ja, {offer.get('say', 'der erste')} passt mir.",
        "reschedule_booking",
        DONE | OPEN,
        appointment_id=appointment_id,
        offer_id=offer["offer_id"],
    )
    answer = part.settle(answer, world.status_pause_s)
    outcome = _outcome(answer, "moved")
    return [*earlier, part.end(outcome, "Die Kundin hat ihren Termin verlegt.")]


def cancel(world: World) -> list[Json]:
    """(c) The same customer calls a third time and cancels."""
    appointment_id, earlier = _appointment_of_erika(world)
    part = Part("c", world.caller(ERIKA))
    part.begin()
    part.find("Guten Tag, es geht um meinen Termin.", appointment_id)
    answer = part.ask(
        "Den muss ich leider absagen. Ja, ganz sicher.",
        "cancel_booking",
        DONE | OPEN,
        appointment_id=appointment_id,
        confirmed=True,
    )
    answer = part.settle(answer, world.status_pause_s)
    outcome = _outcome(answer, "cancelled")
    if outcome == "cancelled":
        world.booked.pop("a", None)
    return [*earlier, part.end(outcome, "Die Kundin hat ihren Termin abgesagt.")]


def anonymous(world: World) -> list[Json]:
    """(d) A caller without a number books with a name only."""
    part = Part("d", world.caller(ANONYMOUS))
    part.begin()
    heard = _ask_for_day(world, part, place=1)
    return [_accept(world, part, heard, "Max Unbekannt")]


def race(world: World) -> list[Json]:
    """(e) Two callers want one time at the same moment; one hears alternatives."""
    parts = [Part("e", world.caller(number)) for number in (RACER_1, RACER_2)]
    names = ("Rita Rasch", "Felix Flink")
    days = (world.workday(2), world.workday(6))
    with ThreadPoolExecutor(len(parts)) as threads:
        list(threads.map(Part.begin, parts))
        for day, time_of_day in product(days, RACE_TIMES):
            answers = list(
                threads.map(
                    partial(
                        _race_for,
                        world,
                        gate=Barrier(len(parts)),
                        date=day.isoformat(),
                        time=time_of_day,
                    ),
                    parts,
                    names,
                )
            )
            if any(answer.get("code") not in REFUSED for answer in answers):
                break
    results = []
    for part, answer in zip(parts, answers, strict=True):
        outcome = _outcome(answer, "booked")
        if outcome == "alternatives":
            _first_offer(part, answer)
        results.append(part.end(outcome, "Zwei wollten denselben Termin."))
    return results


def calendar_down(world: World) -> list[Json]:
    """(f) Cal.com is down while a caller books: noted, and booked when it is back."""
    part = Part("f", world.caller(NOTED))
    part.begin()
    offer = _first_offer(part, _ask_for_day(world, part, place=3))
    if offer is None:
        return [part.end("failed", "Kein freier Termin.")]
    world.fault("* /v2/*", status=503)
    try:
        answer = _book(part, offer, "Nora Notiz", expected=OPEN)
        part.settle(answer, world.status_pause_s)
        return [part.end(_outcome(answer, "booked"), "Der Termin ist vorgemerkt.")]
    finally:
        world.clear_faults()


def calendar_late(world: World) -> list[Json]:
    """(g) Cal.com books, and answers when the caller has long been told "pending"."""
    part = Part("g", world.caller(LATE))
    part.begin()
    offer = _first_offer(part, _ask_for_day(world, part, place=4))
    if offer is None:
        return [part.end("failed", "Kein freier Termin.")]
    world.fault("POST /v2/bookings", delay_after_s=world.late_by_s)
    try:
        answer = _book(part, offer, "Lars Langsam", expected=OPEN)
        answer = part.settle(answer, world.status_pause_s)
        return [part.end(_outcome(answer, "booked"), "Der Kalender war langsam.")]
    finally:
        world.clear_faults()


def doubled(world: World) -> list[Json]:
    """(h) Each webhook and tool call arrives twice, events last one first."""
    habits = Habits(is_doubled=True, is_reordered=True)
    part = Part("h", world.caller(DOUBLED, habits))
    part.begin()
    heard = _ask_for_day(world, part, place=5)
    result = _accept(world, part, heard, "Dora Doppelt")
    ids = {
        (step["answer"].get("data") or {}).get("appointment_id")
        for step in result["steps"]
        if step["name"] == "create_booking" and isinstance(step["answer"], dict)
    }
    if len(ids) > 1:
        result["complaints"].append("the repeated create_booking made another one")
        result["ok"] = False
    return [result]


SCENARIOS: dict[str, Scenario] = {
    "a": taken_then_alternative,
    "b": move,
    "c": cancel,
    "d": anonymous,
    "e": race,
    "f": calendar_down,
    "g": calendar_late,
    "h": doubled,
}


def play(letter: str, world: World) -> list[Json]:
    """Play one scenario; return one report for each call that was made.

    :raises CallRejected: the inbound webhook turned a caller away.
    :raises SandboxUnreachable: the sandbox wouldn't do what the scenario needs.
    """
    return SCENARIOS[letter](world)


def _accept(world: World, part: Part, heard: Json, name: str, **contact: str) -> Json:
    """Take the first offer, hear the outcome, hang up."""
    offer = _first_offer(part, heard)
    if offer is None:
        return part.end("failed", "Es wurde kein Termin gefunden.")
    answer = _book(part, offer, name, expected=DONE | OPEN, **contact)
    answer = part.settle(answer, world.status_pause_s)
    outcome = _outcome(answer, "booked")
    if outcome == "booked" and part.appointment_id:
        world.booked[part.scenario] = part.appointment_id
    return part.end(outcome, f"{name} hat einen Termin gebucht.")


def _book(
    part: Part, offer: Json, name: str, *, expected: frozenset[str], **contact: str
) -> Json:
    return part.ask(
        f"Ja, {offer.get('say', 'der erste')} passt gut. Mein Name ist {name}.",
        "create_booking",
        expected,
        offer_id=offer["offer_id"],
        name=name,
        confirmed=True,
        **contact,
    )


def _race_for(world: World, part: Part, name: str, *, gate: Barrier, **at: str) -> Json:
    gate.wait()
    answer = part.ask(
        f"Ich nehme den Termin um {at['time']} Uhr. {name}. Ja, bitte buchen.",
        "create_booking",
        DONE | OPEN | REFUSED,
        **world.wish(**at, name=name, confirmed=True),
    )
    return part.settle(answer, world.status_pause_s)


def _ask_for_day(world: World, part: Part, *, place: int) -> Json:
    """Ask for a day of this scenario's own, so that plays don't disturb each other."""
    day = world.workday(place)
    return part.ask(
        f"Guten Tag, ich hätte gern einen Termin am {day.day}.{day.month}.",
        "check_availability",
        REFUSED | {"ok"},
        **world.wish(date=day.isoformat()),
    )


def _first_offer(part: Part, heard: Json) -> Json | None:
    offers = (heard.get("data") or {}).get("offers") or []
    if not offers:
        part.complaints.append("no times were offered")
        return None
    first: Json = offers[0]
    return first


def _outcome(answer: Json, done: str) -> str:
    """Name what became of a wish, from the last answer about it."""
    code = answer.get("code")
    if code in DONE:
        return done
    if code in OPEN:
        return "pending"
    return "alternatives" if code in REFUSED else "failed"


def _appointment_of_erika(world: World) -> tuple[str, list[Json]]:
    """Return what she has booked; let her book first where she hasn't yet."""
    earlier: list[Json] = []
    if "a" not in world.booked:
        earlier = taken_then_alternative(world)
    return world.booked.get("a", ""), earlier


def _mondays(world: World) -> list[date]:
    """Return the days that "Montag" may mean: on a Monday, that day as well."""
    today = world.today()
    coming = today + timedelta(days=7 - today.weekday())
    return [today, coming] if today.weekday() == 0 else [coming]
