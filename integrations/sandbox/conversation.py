"""The call object that grows while a call lasts, in the shape of each stage.

Fields and their order follow Retell's own; an earlier stage has fewer of them.
Source: https://docs.retellai.com/api-references/get-call
"""

from __future__ import annotations

import json
import secrets
from typing import Any

Json = dict[str, Any]
SECONDS_PER_WORD = 0.31
LATENCIES_MS = {"e2e": 980, "llm": 520, "tts": 210, "asr": 160}
CENTS_PER_SECOND = {
    "elevenlabs_tts": 0.025,
    "retell_platform": 0.0916667,
    "gpt_5_mini": 0.0816667,
}


def new_call_id() -> str:
    """Return an identifier as Retell gives them: 27 hexadecimal digits."""
    return f"call_{secrets.token_hex(14)[:27]}"


class Conversation:
    """One inbound call, from the ring to its analysis."""

    def __init__(
        self,
        *,
        call_id: str,
        agent: Json,
        from_number: str,
        to_number: str,
        sip_headers: dict[str, str],
    ) -> None:
        self.call_id = call_id
        self.agent = agent
        self.numbers = {"from_number": from_number, "to_number": to_number}
        self.sip_headers = sip_headers
        self.metadata: Json | None = None
        self.dynamic_variables: dict[str, str] | None = None
        self.started_ms = 0
        self.ended_ms = 0
        self.disconnection_reason = ""
        self._entries: list[Json] = []
        self._spoken_until_s = 0.0
        self._responses = 0
        self._tool_calls = 0

    def say(self, role: str, content: str, *, at_ms: int) -> None:
        """Add what the agent or the user says, spread over its words."""
        start = max(self._spoken_until_s + 0.6, (at_ms - self.started_ms) / 1000)
        words = []
        for place, word in enumerate(content.split()):
            begin = start + place * SECONDS_PER_WORD
            text = word if place == 0 else f" {word}"
            words.append(
                {"word": text, "start": round(begin, 2), "end": round(begin + 0.26, 2)}
            )
        entry: Json = {"role": role, "content": content, "words": words}
        if role == "agent":
            entry["metadata"] = {"response_id": self._responses}
            self._responses += 1
        self._spoken_until_s = start + len(words) * SECONDS_PER_WORD
        self._entries.append(entry)

    def invoke(self, name: str, arguments: Json) -> str:
        """Add a tool call; return the identifier that its result refers to."""
        self._tool_calls += 1
        tool_call_id = f"tool_call_{self._tool_calls:04d}"
        self._entries.append(
            {
                "role": "tool_call_invocation",
                "tool_call_id": tool_call_id,
                "name": name,
                "arguments": json.dumps(arguments, ensure_ascii=False),
                "type": "custom",
            }
        )
        return tool_call_id

    def result(self, tool_call_id: str, content: str, *, successful: bool) -> None:
        """Add what a tool answered, as text cut where Retell cuts it."""
        self._entries.append(
            {
                "role": "tool_call_result",
                "tool_call_id": tool_call_id,
                "content": content[:15_000],
                "successful": successful,
            }
        )

    def as_started(self) -> Json:
        """Return what `call_started` carries: basic fields, no transcript."""
        call: Json = {
            "call_type": "phone_call",
            "call_id": self.call_id,
            **self.agent,
            "call_status": "ended" if self.ended_ms else "ongoing",
            "direction": "inbound",
            **self.numbers,
            "telephony_identifier": {"twilio_call_sid": f"CA{self.call_id[-24:]:0>32}"},
        }
        if self.sip_headers:
            call["custom_sip_headers"] = self.sip_headers
        if self.metadata is not None:
            call["metadata"] = self.metadata
        if self.dynamic_variables is not None:
            call["retell_llm_dynamic_variables"] = self.dynamic_variables
        return call | {
            "data_storage_setting": "everything",
            "opt_in_signed_url": True,
            "start_timestamp": self.started_ms,
        }

    def as_ongoing(self) -> Json:
        """Return what a custom function gets: the call with its words so far."""
        return self.as_started() | self._words()

    def as_ended(self) -> Json:
        """Return what `call_ended` carries: everything but the analysis."""
        call = self.as_started() | {
            "end_timestamp": self.ended_ms,
            "duration_ms": self.ended_ms - self.started_ms,
            "disconnection_reason": self.disconnection_reason,
        }
        recordings = f"https://recordings.example.com/{self.call_id}"
        call |= self._words() | {
            "recording_url": f"{recordings}/recording.wav?sig=example",
            "recording_multi_channel_url": (
                f"{recordings}/recording_multichannel.wav?sig=example"
            ),
            "public_log_url": f"https://logs.example.com/{self.call_id}/public.log",
            "collected_dynamic_variables": {"current_agent_state": "single_prompt"},
        }
        return call | self._figures()

    def as_analyzed(self, analysis: Json) -> Json:
        """Return what `call_analyzed` carries: the whole object."""
        return self.as_ended() | {"call_analysis": analysis}

    def _words(self) -> Json:
        spoken = [entry for entry in self._entries if "words" in entry]
        speakers = {"agent": "Agent", "user": "User"}
        return {
            "transcript": "".join(
                f"{speakers[entry['role']]}: {entry['content']}\n" for entry in spoken
            ),
            "transcript_object": spoken,
            "transcript_with_tool_calls": list(self._entries),
        }

    def _figures(self) -> Json:
        turns = max(self._responses, 1)
        seconds = -(-(self.ended_ms - self.started_ms) // 1000)
        costs: list[Json] = [
            {"product": product, "unit_price": price, "cost": round(price * seconds, 4)}
            for product, price in CENTS_PER_SECOND.items()
        ]
        tokens = [1810 + 130 * turn for turn in range(turns)]
        return {
            "latency": {
                name: _spread(median, turns) for name, median in LATENCIES_MS.items()
            },
            "call_cost": {
                "combined_cost": round(sum(price["cost"] for price in costs), 4),
                "total_duration_seconds": seconds,
                "total_duration_unit_price": round(sum(CENTS_PER_SECOND.values()), 7),
                "product_costs": costs,
            },
            "llm_token_usage": {
                "values": tokens,
                "average": round(sum(tokens) / turns),
                "num_requests": turns,
            },
        }


def _spread(median: int, count: int) -> Json:
    values = [round(median * (0.9 + 0.2 * (turn % 2))) for turn in range(count)]
    factors = {"p50": 1.0, "p90": 1.4, "p95": 1.6, "p99": 1.8, "min": 0.7, "max": 1.9}
    figures: Json = {name: round(median * by) for name, by in factors.items()}
    return figures | {"num": count, "values": values}
