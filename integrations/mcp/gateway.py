"""One way from a question to an answer: whose call, which tool, a sentence, a row."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pydantic
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from askpro import correlation
from bookings import callbacks, wishes
from bookings.answers import Answer, Code, Declined
from bookings.calendars import CalendarRefused, CalendarUnavailable
from bookings.calls import Caller
from bookings.language import phrases
from bookings.models import Callback
from bookings.wishes import Wish
from integrations import journal
from integrations.errors import ProviderError
from integrations.mcp import (
    branches,
    registry,
    servers,  # noqa: F401 (registers the tools)
)
from integrations.mcp.arguments import ALIASES, canonical
from integrations.mcp.askers import Asker
from integrations.mcp.protocol import Client
from integrations.mcp.registry import AnyTool, StaffAsker, StaffTool, Tool
from integrations.models import ToolCall
from tenants import readiness
from tenants.resolver import Owner
from tenants.scoping import every_company, scope

logger = logging.getLogger(__name__)

#: An agent that fails so often in the same way is led to a person.
FAILURES_BEFORE_HELP = 2

#: What the log keeps of the arguments. Whatever else was given may be personal.
SHOWN = frozenset(
    {"date", "time", "old_date", "old_time", "service", "staff", "confirmed"}
    | {"offer_id", "appointment_id", "call_id"}
)
MOST_COUNTED = 32_767


@dataclass
class Asked:
    """A question on its way, and what became known of it."""

    asker: Asker
    tool_name: str
    sent: dict[str, Any]
    #: Only through the MCP door: its era, and who the client says that it is.
    client: Client | None = None
    started: float = field(default_factory=time.monotonic)
    arguments: dict[str, Any] = field(default_factory=dict)
    unknown: int = 0
    call_row_id: UUID | None = None
    error: str = ""


def answer(asked: Asked) -> Answer:
    """Return the answer to a question; never raises, and keeps a row of it."""
    company_id = asked.asker.company_id
    with journal.counting() as upstream:
        try:
            tool = registry.find(asked.tool_name, asked.asker.servers)
            if isinstance(tool, StaffTool):
                found = _for_staff(tool, asked)
            else:
                owner = asked.asker.owner(asked.sent)
                company_id = owner.company_id if owner else company_id
                found = _for_caller(tool, asked, owner)
        except (OperationalError, InterfaceError):
            # The database is away, and keeping a row would wait for it once more.
            logger.exception(
                "the database is away", extra={"tool": asked.tool_name[:80]}
            )
            return Answer(Code.INTERNAL, phrases.internal())
        except Exception as error:
            # The last line of defense: a caller hears a sentence, staff see the row.
            found = _broken(asked, error)
        _keep(asked, company_id, found, upstream_ms=upstream.ms)
    return found


def limited(asked: Asked, wait_s: float) -> Answer:
    """Return the answer to a key that asks too often, and keep a row of it."""
    found = Answer(
        Code.RATE_LIMITED, phrases.rate_limited(), {"retry_after_s": math.ceil(wait_s)}
    )
    _keep(asked, asked.asker.company_id, found, upstream_ms=0)
    return found


def _for_staff(tool: StaffTool, asked: Asked) -> Answer:
    holder = asked.asker.key
    if holder is None:
        asked.error = "no key"
        return Answer(Code.NOT_PERMITTED, phrases.not_permitted())
    known = set(tool.Arguments.model_fields)
    asked.arguments, asked.unknown = canonical(asked.sent, known, aliases={})
    staff = StaffAsker(
        holder.company_id, holder, deadline=asked.started + tool.deadline_s
    )
    with scope(holder.company_id):
        return _run(tool, staff, asked)


def _for_caller(tool: AnyTool | None, asked: Asked, owner: Owner | None) -> Answer:
    if not isinstance(tool, Tool):
        asked.error = "unknown tool"
        return Answer(Code.INVALID_INPUT, phrases.unknown_tool())
    if owner is None:
        asked.error = "unknown number or call"
        return Answer(Code.NOT_PERMITTED, phrases.unknown_number())
    known = set(tool.Arguments.model_fields)
    asked.arguments, asked.unknown = canonical(asked.sent, known)
    with scope(owner.company_id):
        known_branch = branches.of(owner)
        try:
            caller = asked.asker.caller(
                known_branch, tool, asked.sent, asked.started + tool.deadline_s
            )
        except Declined as declined:
            asked.error = "the call is over, another's or missing"
            return declined.answer
        if caller.kept_call is not None:
            asked.call_row_id = caller.call.pk
        correlation.take(caller.call.correlation_id)
        if tool.needs_ready_branch and not known_branch.is_ready:
            return _not_ready(caller)
        return _helped(caller, asked, _run(tool, caller, asked))


def _not_ready(caller: Caller) -> Answer:
    """Say so politely, and leave something that staff will see."""
    phone = wishes.phone_of(caller, Wish())
    callbacks.store(
        caller.branch,
        Callback.Kind.NOT_READY,
        call=caller.kept_call,
        phone=phone,
        reason=", ".join(gap.problem for gap in readiness.gaps(caller.branch)),
    )
    say = phrases.not_ready(caller.branch.name, has_number=phone is not None)
    return Answer(Code.UPSTREAM_UNAVAILABLE, say)


def _run(tool: Tool | StaffTool, asker: Any, asked: Asked) -> Answer:
    try:
        return tool.run(asker, tool.Arguments.model_validate(asked.arguments))
    except Declined as declined:
        return declined.answer
    except pydantic.ValidationError as error:
        # What was expected, never what was given: that may be personal.
        expected = {
            str(one["loc"][0]): one["msg"]
            for one in error.errors(include_url=False, include_input=False)
            if one["loc"]
        }
        asked.error = "invalid: " + ", ".join(expected)
        return Answer(
            Code.INVALID_INPUT,
            phrases.ask_again(),
            {"fields": list(expected), "expected": expected},
        )
    except (CalendarUnavailable, CalendarRefused, ProviderError) as error:
        asked.error = str(error)[:300]
        logger.warning("a provider does not help", extra={"tool": tool.name})
        return Answer(
            Code.UPSTREAM_UNAVAILABLE,
            phrases.upstream_unavailable(),
            needs_person=True,
        )
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        # Here a callback can still be stored for whoever hears this.
        return _broken(asked, error)


def _broken(asked: Asked, error: Exception) -> Answer:
    logger.exception("a tool failed", extra={"tool": asked.tool_name[:80]})
    asked.error = type(error).__name__
    return Answer(Code.INTERNAL, phrases.internal(), needs_person=True)


def _helped(caller: Caller, asked: Asked, found: Answer) -> Answer:
    """Promise a callback where a person must help, after it was stored."""
    if not found.needs_person and not _goes_in_circles(caller, asked, found):
        return found
    phone = wishes.phone_of(caller, Wish(phone=str(asked.arguments.get("phone", ""))))
    if phone is None:
        return replace(found, say=f"{found.say} {phrases.ask_phone()}")
    callback = callbacks.store(
        caller.branch,
        Callback.Kind.REQUESTED,
        call=caller.kept_call,
        name=str(asked.arguments.get("name", "")),
        phone=phone,
        reason=f"{asked.tool_name[:80]}: {found.code}",
    )
    return replace(
        found,
        say=f"{found.say} {phrases.callback_noted()}",
        data=found.data | {"callback_id": str(callback.pk)},
    )


def _goes_in_circles(caller: Caller, asked: Asked, found: Answer) -> bool:
    """Tell whether the agent has failed twice already in just this way."""
    if found.success:
        return False
    same = ToolCall.objects.filter(
        call_row_id=caller.call.pk,
        tool=asked.tool_name[:80],
        code=str(found.code),
        arguments=masked(asked.arguments),
    )
    return same.count() >= FAILURES_BEFORE_HELP


def _keep(
    asked: Asked, company_id: UUID | None, found: Answer, *, upstream_ms: int
) -> None:
    took = timedelta(seconds=time.monotonic() - asked.started)
    key, client = asked.asker.key, asked.client
    row = ToolCall(
        company_id=company_id,
        account_id=asked.asker.account_id,
        call_row_id=asked.call_row_id,
        correlation_id=asked.asker.correlation_id,
        door=asked.asker.door,
        key_prefix=key.prefix if key else "",
        era=client.era if client else "",
        client=client.name if client else "",
        tool=asked.tool_name[:80],
        arguments=masked(asked.arguments or asked.sent),
        unknown_arguments=min(asked.unknown, MOST_COUNTED),
        answer=_kept(asked, found),
        code=str(found.code),
        is_success=found.success,
        error=asked.error[:300],
        at=timezone.now() - took,
        duration_ms=int(took.total_seconds() * 1000),
        upstream_ms=upstream_ms,
    )
    wall: Callable[[], Any] = (
        every_company if company_id is None else lambda: scope(company_id)
    )
    try:
        with wall():
            row.save(force_insert=True)
    except (DatabaseError, InterfaceError):
        logger.exception("a tool call was answered but not kept")


def _kept(asked: Asked, found: Answer) -> dict[str, Any]:
    """Return what stays of an answer: of staff's no facts, which may be anybody's."""
    tool = registry.find(asked.tool_name, asked.asker.servers)
    kept = found.to_json()
    return kept | {"data": {}} if isinstance(tool, StaffTool) else kept


def masked(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return arguments for a log: what may be personal only as having been there."""
    return {key[:40]: _shown(key, value) for key, value in list(arguments.items())[:40]}


def _shown(key: str, value: Any) -> str:
    is_plain = ALIASES.get(key, key) in SHOWN and isinstance(value, str | int | float)
    return str(value)[:120] if is_plain else "***"
