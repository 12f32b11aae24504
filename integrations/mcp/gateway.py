"""One way from a question to an answer: whose call, which tool, a sentence, a row."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pydantic
from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError
from django.utils import timezone

from askpro import correlation
from bookings import callbacks, calls, wishes
from bookings.answers import Answer, Code, Declined
from bookings.calendars import CalendarRefused, CalendarUnavailable
from bookings.calls import Caller, CallFacts
from bookings.language import phrases
from bookings.models import Callback
from bookings.wishes import Wish
from integrations import journal
from integrations.mcp import (
    branches,
    registry,
    servers,  # noqa: F401 (registers the tools)
)
from integrations.mcp.arguments import ALIASES, canonical
from integrations.mcp.registry import Tool
from integrations.models import ToolCall
from tenants import readiness, resolver
from tenants.accounts import AccountKeys
from tenants.models import Branch
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

    door: str
    account: AccountKeys
    tool_name: str
    sent: dict[str, Any]
    facts: CallFacts | None  # None where no call object came along
    started: float = field(default_factory=time.monotonic)
    arguments: dict[str, Any] = field(default_factory=dict)
    unknown: int = 0
    call_row_id: UUID | None = None
    error: str = ""

    @property
    def deadline(self) -> float:
        """Until when the answer must be given, on the monotonic clock."""
        return self.started + float(settings.TOOL_DEADLINE_S)


def answer(asked: Asked) -> Answer:
    """Return the answer to a question; never raises, and keeps a row of it."""
    owner = None
    with journal.counting() as upstream:
        try:
            owner = _owner(asked)
            found = _answer_within(asked, owner)
        except (OperationalError, InterfaceError):
            # The database is away, and keeping a row would wait for it once more.
            logger.exception(
                "the database is away", extra={"tool": asked.tool_name[:80]}
            )
            return Answer(Code.INTERNAL, phrases.internal())
        except Exception as error:
            # The last line of defense: a caller hears a sentence, staff see the row.
            found = _broken(asked, error)
        _keep(asked, owner, found, upstream_ms=upstream.ms)
    return found


def _owner(asked: Asked) -> Owner | None:
    """Return whose call it is: by the dialled number, within the account's company."""
    if asked.facts is None:
        return calls.owner_of_open_call(
            asked.account.id, str(asked.sent.get("call_id") or "")
        )
    if not asked.facts.to_number:
        return calls.owner_of_open_call(asked.account.id, asked.facts.call_id)
    return resolver.owner_of_number(
        asked.facts.to_number, within=asked.account.company_id
    )


def _answer_within(asked: Asked, owner: Owner | None) -> Answer:
    tool = registry.find(asked.tool_name)
    if tool is None:
        asked.error = "unknown tool"
        return Answer(Code.INVALID_INPUT, phrases.unknown_tool())
    if owner is None:
        asked.error = "unknown number or call"
        return Answer(Code.NOT_PERMITTED, phrases.unknown_number())
    known = set(tool.Arguments.model_fields)
    asked.arguments, asked.unknown = canonical(asked.sent, known)
    with scope(owner.company_id):
        known_branch = branches.of(owner)
        branch = known_branch.branch
        caller = _caller(asked, branch)
        if tool.needs_ready_branch and not known_branch.is_ready:
            return _not_ready(caller)
        return _helped(caller, asked, _run(tool, caller, asked))


def _caller(asked: Asked, branch: Branch) -> Caller:
    if asked.facts is None:
        call = calls.open_call(asked.account.id, str(asked.sent["call_id"]))
    else:
        call = calls.merge(branch, asked.facts)
    asked.call_row_id = call.pk
    correlation.take(call.correlation_id)
    return Caller(
        branch=branch,
        call=call,
        phone=call.from_number or None,
        deadline=asked.deadline,
    )


def _not_ready(caller: Caller) -> Answer:
    """Say so politely, and leave something that staff will see."""
    callbacks.store(
        caller.branch,
        Callback.Kind.NOT_READY,
        call=caller.call,
        phone=caller.phone,
        reason=", ".join(gap.problem for gap in readiness.gaps(caller.branch)),
    )
    say = phrases.not_ready(caller.branch.name, has_number=caller.phone is not None)
    return Answer(Code.UPSTREAM_UNAVAILABLE, say)


def _run(tool: Tool, caller: Caller, asked: Asked) -> Answer:
    try:
        return tool.run(caller, tool.Arguments.model_validate(asked.arguments))
    except Declined as declined:
        return declined.answer
    except pydantic.ValidationError as error:
        fields = [str(one["loc"][0]) for one in error.errors() if one["loc"]]
        asked.error = "invalid: " + ", ".join(fields)
        return Answer(Code.INVALID_INPUT, phrases.ask_again(), {"fields": fields})
    except (CalendarUnavailable, CalendarRefused) as error:
        asked.error = str(error)[:300]
        logger.warning("a calendar does not help", extra={"tool": tool.name})
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
        call=caller.call,
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
        arguments=_masked(asked.arguments),
    )
    return same.count() >= FAILURES_BEFORE_HELP


def _keep(
    asked: Asked, owner: Owner | None, found: Answer, *, upstream_ms: int
) -> None:
    took = timedelta(seconds=time.monotonic() - asked.started)
    row = ToolCall(
        company_id=owner.company_id if owner else None,
        account_id=asked.account.id,
        call_row_id=asked.call_row_id,
        correlation_id=correlation.current()
        or (asked.facts.correlation_id if asked.facts else ""),
        door=asked.door,
        tool=asked.tool_name[:80],
        arguments=_masked(asked.arguments or asked.sent),
        unknown_arguments=min(asked.unknown, MOST_COUNTED),
        answer=found.to_json(),
        code=str(found.code),
        is_success=found.success,
        error=asked.error[:300],
        at=timezone.now() - took,
        duration_ms=int(took.total_seconds() * 1000),
        upstream_ms=upstream_ms,
    )
    wall: Callable[[], Any] = (
        every_company if owner is None else lambda: scope(owner.company_id)
    )
    try:
        with wall():
            row.save(force_insert=True)
    except (DatabaseError, InterfaceError):
        logger.exception("a tool call was answered but not kept")


def _masked(arguments: dict[str, Any]) -> dict[str, Any]:
    return {key[:40]: _shown(key, value) for key, value in list(arguments.items())[:40]}


def _shown(key: str, value: Any) -> str:
    is_plain = ALIASES.get(key, key) in SHOWN and isinstance(value, str | int | float)
    return str(value)[:120] if is_plain else "***"
