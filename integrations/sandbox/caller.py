"""A caller at Retell's end: rings, has the agent use our tools, hangs up.

It does over HTTP what Retell does, with Retell's bad habits on demand: events
doubled, late, out of order or missing, callers who hide their number.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from integrations.sandbox import wire
from integrations.sandbox.conversation import Conversation, new_call_id
from integrations.sandbox.mcp_client import McpClient

Json = dict[str, Any]
ANONYMOUS = "anonymous"
EVENTS_PATH = "/api/webhooks/retell"
FUNCTIONS_PATH = "/api/mcp/retell/functions"
DELIVERY_TIMEOUT_S = 10.0
FUNCTION_TIMEOUT_S = 8.0
REPEATS = 3  # Retell repeats a delivery so often before it gives up
PATIENCE_MS = 2_000  # a caller who waits longer says "Hallo?"


class CallRejected(Exception):
    """The inbound webhook refused the caller: there is no call."""


@dataclass(frozen=True)
class Habits:
    """How this call misbehaves; the default is a well-behaved one."""

    is_doubled: bool = False  # every delivery and tool call is sent twice
    is_reordered: bool = False  # events wait for the end and come last one first
    dropped: frozenset[str] = frozenset()  # events that never arrive
    has_ring_id: bool = True  # older installations ring without a call_id
    keeps_metadata: bool = True
    is_args_only: bool = False  # functions get their arguments and no call
    has_name_in_path: bool = True
    signed_ms_ago: int = 0
    spoils_signature: bool = False
    has_unknown_fields: bool = False  # fields and values that came in newer releases
    repeat_after_s: float = 0.5


@dataclass(frozen=True)
class Step:
    """One thing that happened, seen from the caller's end."""

    at_ms: int  # since the first ring
    kind: str  # ring, event, tool
    name: str
    outcome: str
    duration_ms: int
    status: int  # HTTP; 0 where no answer came
    said: str = ""  # by the caller, before
    heard: str = ""  # from the agent, after
    arguments: Json = field(default_factory=dict)
    answer: Any = None


class Caller:
    """One caller in one call.

    :param mcp_key: the agent uses our tools through MCP with this key; without, as
        custom functions.
    :param report: called with the call object whenever it has changed; this is
        how the sandbox learns what `get-call` must answer.
    """

    def __init__(
        self,
        web_url: str,
        *,
        webhook_key: str,
        from_number: str,
        to_number: str,
        agent_id: str = "",
        agent_name: str = "AskProAI Berlin – Empfang",
        agent_version: int = 1,
        mcp_key: str = "",
        habits: Habits | None = None,
        clock: Callable[[], float] = time.time,
        report: Callable[[Json], None] | None = None,
    ) -> None:
        self.web_url = web_url.rstrip("/")
        self.webhook_key = webhook_key
        self.habits = habits or Habits()
        self.steps: list[Step] = []
        self.conversation = Conversation(
            call_id=new_call_id(),
            agent={
                "agent_id": agent_id,
                "agent_name": agent_name,
                "agent_version": agent_version,
            },
            from_number=from_number,
            to_number=to_number,
            sip_headers={"x-askpro-trunk": "de-berlin-1"},
        )
        self.mcp_key = mcp_key
        self._mcp: McpClient | None = None
        self._clock = clock
        self._report = report
        self._first_ms = 0
        self._said = ""
        self._is_rejected = False
        self._waiting: list[tuple[str, bytes]] = []

    @property
    def call_id(self) -> str:
        return self.conversation.call_id

    @property
    def correlation_id(self) -> str:
        """Return the id that our answer gave to the call; the call's own without."""
        metadata = self.conversation.metadata or {}
        return str(metadata.get("correlation_id") or self.call_id)

    def ring(self) -> Json:
        """Announce the call; return what the answer changes about it.

        As with Retell, an answer that isn't well formed counts as none: after three
        repeats the number's own agent takes the call.
        """
        self._first_ms = self._first_ms or self._now_ms()
        raw = wire.compact(self._announcement())
        replies = [self._deliver("ring", "call_inbound", raw)]
        if self.habits.is_doubled:
            replies.append(self._deliver("ring", "call_inbound", raw))
        for reply in replies:
            change = _ring_answer(reply)
            if change is not None:
                self._follow(change)
                return change
        return {}

    def start(self) -> None:
        """Pick up: the conversation begins."""
        if self._is_rejected:
            raise CallRejected
        self.conversation.started_ms = self._now_ms()
        self._event("call_started", self.conversation.as_started())
        self._tell(self.conversation.as_started())

    def says(self, sentence: str) -> Caller:
        """Speak; what the agent does next follows from it."""
        self.conversation.say("user", sentence, at_ms=self._now_ms())
        self._said = sentence
        return self

    def tool(self, name: str, /, **arguments: Any) -> Json:
        """Have the agent use a tool; return the answer and hear its sentence.

        Where none came, the answer says so in our own shape, with the code
        `no_answer`; an answer that is no JSON object has the code `unreadable`.
        """
        if self._is_rejected:
            raise CallRejected
        tool_call_id = self.conversation.invoke(name, arguments)
        reply, answer = self._use(name, arguments)
        if self.habits.is_doubled:
            self._said = ""
            reply, answer = self._use(name, arguments)
        self.conversation.result(
            tool_call_id,
            reply.body.decode(errors="replace") or reply.error,
            successful=reply.is_success,
        )
        if answer.get("say"):
            self.conversation.say("agent", str(answer["say"]), at_ms=self._now_ms())
        self._said = ""
        return answer

    def hang_up(
        self,
        *,
        reason: str = "user_hangup",
        summary: str = "Der Anrufer hat sein Anliegen genannt.",
        is_successful: bool = True,
    ) -> None:
        """End the call: `call_ended`, then `call_analyzed`."""
        if self._is_rejected:
            raise CallRejected
        talk = self.conversation
        talk.ended_ms = max(self._now_ms(), talk.started_ms)
        talk.disconnection_reason = reason
        analysis = {
            "call_summary": summary,
            "in_voicemail": False,
            "user_sentiment": "Positive" if is_successful else "Neutral",
            "call_successful": is_successful,
            "custom_analysis_data": {"anliegen": "termin"},
        }
        self._event("call_ended", talk.as_ended())
        self._event("call_analyzed", talk.as_analyzed(analysis))
        for name, raw in reversed(self._waiting):
            self._post_event(name, raw)
        self._waiting.clear()
        self._tell(talk.as_analyzed(analysis))

    def steps_as_json(self) -> list[Json]:
        """Return the steps in the order in which they began."""
        return [asdict(step) for step in sorted(self.steps, key=lambda s: s.at_ms)]

    def _announcement(self) -> Json:
        talk = self.conversation
        ring: Json = {"call_id": talk.call_id} if self.habits.has_ring_id else {}
        if talk.agent["agent_id"]:
            ring["agent_id"] = talk.agent["agent_id"]
            ring["agent_version"] = talk.agent["agent_version"]
        ring |= talk.numbers
        if talk.sip_headers:
            ring["custom_sip_headers"] = talk.sip_headers
        if self.habits.has_unknown_fields:
            ring["carrier_hint"] = {"network": "example"}
        return {
            "event": "call_inbound",
            "event_timestamp": self._now_ms(),
            "call_inbound": ring,
        }

    def _follow(self, change: Json) -> None:
        talk = self.conversation
        self._is_rejected = change.get("reject") is True
        if "override_agent_id" in change:
            talk.agent["agent_id"] = change["override_agent_id"]
        if isinstance(change.get("override_agent_version"), int):
            talk.agent["agent_version"] = change["override_agent_version"]
        talk.dynamic_variables = change.get("dynamic_variables")
        if self.habits.keeps_metadata:
            talk.metadata = change.get("metadata")

    def _event(self, name: str, call: Json) -> None:
        if name in self.habits.dropped:
            self._note("event", name, "dropped", wire.Reply(0), at_ms=self._now_ms())
            return
        if self.habits.has_unknown_fields:
            call = call | {"carrier_hint": {"network": "example"}}
            if "disconnection_reason" in call:
                call["disconnection_reason"] = "reason_of_a_newer_release"
        raw = wire.compact({"event": name, "call": call})
        if self.habits.is_reordered:
            self._waiting.append((name, raw))
        else:
            self._post_event(name, raw)

    def _post_event(self, name: str, raw: bytes) -> None:
        for _ in range(2 if self.habits.is_doubled else 1):
            self._deliver("event", name, raw)

    def _deliver(self, kind: str, name: str, raw: bytes) -> wire.Reply:
        """Post a delivery, and repeat it as Retell does while it is refused."""
        for repeat in range(1 + REPEATS):
            if repeat:
                time.sleep(self.habits.repeat_after_s)
            at_ms = self._now_ms()
            reply = self._post(EVENTS_PATH, raw, timeout_s=DELIVERY_TIMEOUT_S)
            change = _ring_answer(reply) if kind == "ring" else {}
            outcome = "accepted" if reply.is_success else _failure(reply)
            if reply.is_success and change is None:
                outcome = "bad answer"
            if change and change.get("reject") is True:
                outcome = "rejected"
            self._note(kind, name, outcome, reply, at_ms=at_ms)
            if reply.is_success and change is not None:
                break
        return reply

    def _use(self, name: str, arguments: Json) -> tuple[wire.Reply, Json]:
        at_ms = self._now_ms()
        reply = self._asked(name, arguments)
        answer = reply.json()
        if not reply.is_success:
            answer = {"success": False, "code": "no_answer", "say": "", "data": {}}
        elif not isinstance(answer, dict):
            answer = {"success": False, "code": "unreadable", "say": "", "data": {}}
        outcome = str(answer.get("code", "unreadable"))
        if not reply.is_success:
            outcome = _failure(reply)
        self._note(
            "tool", name, outcome, reply, at_ms=at_ms, arguments=arguments, json=answer
        )
        return reply, answer

    def _asked(self, name: str, arguments: Json) -> wire.Reply:
        """Have a tool answer, through the door that this agent knows."""
        if self.mcp_key:
            talk = self.conversation
            self._mcp = self._mcp or McpClient(
                self.web_url,
                self.mcp_key,
                call_id=self.call_id,
                numbers=talk.numbers,
                variables=talk.dynamic_variables or {},
            )
            return self._mcp.use(name, arguments)
        body: Json = {
            "name": name,
            "call": self.conversation.as_ongoing(),
            "args": arguments,
        }
        if self.habits.is_args_only:
            body = {"call_id": self.call_id, **arguments}
        is_named = self.habits.has_name_in_path or self.habits.is_args_only
        path = f"{FUNCTIONS_PATH}/{name}" if is_named else FUNCTIONS_PATH
        return self._post(path, wire.compact(body), timeout_s=FUNCTION_TIMEOUT_S)

    def _post(self, path: str, raw: bytes, *, timeout_s: float) -> wire.Reply:
        at_ms = self._now_ms() - self.habits.signed_ms_ago
        header = wire.signature(raw, self.webhook_key, at_ms)
        if self.habits.spoils_signature:
            header = f"{header[:-4]}0bad"
        return wire.send(
            "POST",
            f"{self.web_url}{path}",
            raw,
            headers={wire.SIGNATURE: header},
            timeout_s=timeout_s,
        )

    def _note(
        self,
        kind: str,
        name: str,
        outcome: str,
        reply: wire.Reply,
        *,
        at_ms: int,
        arguments: Json | None = None,
        json: Any = None,
    ) -> None:
        answer = json if json is not None else reply.json()
        heard = answer.get("say") if isinstance(answer, dict) else ""
        self.steps.append(
            Step(
                at_ms=at_ms - self._first_ms,
                kind=kind,
                name=name,
                outcome=outcome,
                duration_ms=reply.duration_ms,
                status=reply.status,
                said=self._said if kind == "tool" else "",
                heard=str(heard or ""),
                arguments=arguments or {},
                answer=answer,
            )
        )

    def _tell(self, call: Json) -> None:
        if self._report is not None:
            self._report(call)

    def _now_ms(self) -> int:
        return round(self._clock() * 1000)


def _failure(reply: wire.Reply) -> str:
    return f"HTTP {reply.status}" if reply.status else f"no answer ({reply.error})"


def _ring_answer(reply: wire.Reply) -> Json | None:
    """Return the change an inbound answer asks for, or None where it is unusable.

    One wrong value spoils the whole answer: variables are text, metadata an object.
    Source: https://docs.retellai.com/features/inbound-call-webhook
    """
    body = reply.json()
    change = body.get("call_inbound") if isinstance(body, dict) else None
    if not reply.is_success or not isinstance(change, dict):
        return None
    variables = change.get("dynamic_variables", {})
    is_valid = (
        isinstance(variables, dict)
        and all(isinstance(value, str) for value in variables.values())
        and isinstance(change.get("metadata", {}), dict)
        and isinstance(change.get("override_agent_id", ""), str)
        and isinstance(change.get("override_agent_version", ""), int | str)
        and len(json.dumps(change.get("metadata", {}))) <= 50_000
    )
    return change if is_valid else None
