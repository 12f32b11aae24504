"""Retell's call object, read tolerantly into what we know of a call.

Source: https://docs.retellai.com/api-references/get-call
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bookings.calls import CallFacts
from bookings.models import Call
from tenants.numbers import e164

#: Which event makes a call how far along. The object's own status lags behind.
STATUS_OF_EVENT = {
    "call_inbound": Call.Status.RINGING,
    "call_started": Call.Status.STARTED,
    "transcript_updated": Call.Status.STARTED,
    "transfer_started": Call.Status.STARTED,
    "transfer_bridged": Call.Status.STARTED,
    "transfer_cancelled": Call.Status.STARTED,
    "transfer_ended": Call.Status.STARTED,
    "call_ended": Call.Status.ENDED,
    "call_analyzed": Call.Status.ANALYZED,
}
_YEAR_2100_S = 4_102_444_800


def dialled(call: Mapping[str, Any]) -> str | None:
    """Return the number of ours that the call is about, as E.164."""
    is_outbound = call.get("direction") == "outbound"
    return e164(_text(call, "from_number" if is_outbound else "to_number"))


def caller_number(call: Mapping[str, Any]) -> str:
    """Return the other side's number as E.164; empty where it is withheld."""
    is_outbound = call.get("direction") == "outbound"
    return e164(_text(call, "to_number" if is_outbound else "from_number")) or ""


def call_id_of(call: Mapping[str, Any]) -> str:
    """Return the call's id; empty where the object carries none."""
    return _text(call, "call_id")[:120]


def correlation_of(call: Mapping[str, Any]) -> str:
    """Return the id that joins the records: ours if it came back, else its own."""
    metadata = call.get("metadata")
    sent = _text(metadata, "correlation_id") if isinstance(metadata, Mapping) else ""
    return (sent or call_id_of(call))[:120]


def facts_of(call: Mapping[str, Any], *, account_id: UUID, status: str) -> CallFacts:
    """Return what the object says; whatever can't be read says nothing."""
    analysis = call.get("call_analysis")
    analysis = analysis if isinstance(analysis, Mapping) else {}
    started_at = instant(call.get("start_timestamp"))
    ended_at = instant(call.get("end_timestamp"))
    if started_at and ended_at:
        ended_at = max(started_at, ended_at)
    return CallFacts(
        correlation_id=correlation_of(call),
        account_id=account_id,
        call_id=call_id_of(call),
        status=status,
        direction=_text(call, "direction")[:16] or "inbound",
        from_number=caller_number(call),
        to_number=dialled(call) or "",
        agent_id=_text(call, "agent_id")[:120],
        started_at=started_at,
        ended_at=ended_at,
        disconnection_reason=_text(call, "disconnection_reason")[:80],
        summary=_text(analysis, "call_summary"),
        transcript=_text(call, "transcript"),
        opinion=_opinion(analysis),
    )


def instant(value: Any) -> datetime | None:
    """Return a timestamp given in milliseconds, seconds or as ISO; None if absurd."""
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            return None
        read = read if read.tzinfo else read.replace(tzinfo=UTC)
        return read if 2000 <= read.year < 2100 else None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        return None
    seconds = value / 1000 if value > _YEAR_2100_S else value
    if seconds > _YEAR_2100_S:
        return None
    return datetime.fromtimestamp(seconds, UTC)


def _opinion(analysis: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "call_successful",
        "user_sentiment",
        "in_voicemail",
        "custom_analysis_data",
    )
    return {
        name: analysis[name] for name in names if analysis.get(name) not in (None, [])
    }


def _text(mapping: Mapping[str, Any], name: str) -> str:
    value = mapping.get(name)
    return value if isinstance(value, str) else ""
