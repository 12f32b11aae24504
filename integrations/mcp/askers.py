"""Who asks, and in which call: by a signed body, or by a key and three headers."""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from askpro import correlation
from bookings import calls
from bookings.answers import Code, Declined
from bookings.calls import Caller, CallFacts
from bookings.language import phrases
from bookings.models import Call
from integrations.mcp.branches import Known
from integrations.mcp.registry import Server, Tool
from integrations.models import ToolCall
from tenants import resolver
from tenants.accounts import AccountKeys
from tenants.keys import KeyHolder
from tenants.models import Branch
from tenants.numbers import e164
from tenants.resolver import Owner
from tenants.scoping import scope

_E164 = re.compile(r"\+[0-9]{7,15}", re.ASCII)
_OPEN = (Call.Status.RINGING, Call.Status.STARTED)


#: Yields what an account has signed about the beginning of a call, and nobody has read:
#: of the account's id and the ids that the call may be known by.
Unread = Callable[[UUID, Collection[str]], Iterable[CallFacts]]
_unread: list[Unread] = []


def register_unread(unread: Unread) -> None:
    """Have questions through MCP look here too before they take a caller for nobody."""
    _unread.append(unread)


class Asker(ABC):
    """Who asks. Nothing that a language model wrote is identity."""

    door: str

    @property
    def company_id(self) -> UUID | None:
        """Whose answer it is also where no branch was found; None: nobody's."""
        return None

    @property
    def account_id(self) -> UUID | None:
        """The account that the question was verified with."""
        return None

    @property
    def key(self) -> KeyHolder | None:
        """The key that was shown."""
        return None

    @property
    def servers(self) -> Collection[str]:
        """The sets of tools that may be asked for."""
        return (Server.BOOKING,)

    @property
    def correlation_id(self) -> str:
        """What joins the records before the call is known."""
        return correlation.current()

    @abstractmethod
    def owner(self, sent: dict[str, Any]) -> Owner | None:
        """Return whose call it is; None where nobody can tell.

        :param sent: the arguments, of which at most a call id is looked at.
        """

    @abstractmethod
    def caller(
        self, known: Known, tool: Tool, sent: dict[str, Any], deadline: float
    ) -> Caller:
        """Return who is on the line; run inside the scope of the branch's company.

        :raises Declined: the call is over, or another branch's.
        """


@dataclass(frozen=True)
class SignedAsker(Asker):
    """A request that an account's secret signed, with the call that it is made in."""

    account: AccountKeys
    facts: CallFacts | None  # None where no call object came along

    door = ToolCall.Door.FUNCTION

    @property
    def account_id(self) -> UUID | None:
        """The account that signed."""
        return self.account.id

    @property
    def correlation_id(self) -> str:
        """What joins the records before the call is known."""
        return correlation.current() or (
            self.facts.correlation_id if self.facts else ""
        )

    def owner(self, sent: dict[str, Any]) -> Owner | None:
        """Return whose call it is: by the dialled number, within the account's."""
        if self.facts is None:
            said = str(sent.get("call_id") or "")
            return calls.owner_of_open_call(self.account.id, said)
        if not self.facts.to_number:
            return calls.owner_of_open_call(self.account.id, self.facts.call_id)
        return resolver.owner_of_number(
            self.facts.to_number, within=self.account.company_id
        )

    def caller(
        self, known: Known, tool: Tool, sent: dict[str, Any], deadline: float
    ) -> Caller:
        """Return who is on the line: the signed number is the caller's."""
        if self.facts is None:
            call = calls.open_call(self.account.id, str(sent["call_id"]))
        else:
            call = calls.merge(known.branch, self.facts)
        return Caller(known.branch, call, call.from_number or None, deadline=deadline)


@dataclass(frozen=True)
class CallHeaders:
    """What a client tells of the call; empty: nothing."""

    call_id: str = ""
    to_number: str = ""
    from_number: str = ""


@dataclass(frozen=True)
class KeyAsker(Asker):
    """A machine with a key: the key gives the company, the headers name the call.

    A call is created if the dialled number belongs to the key's company. What the
    headers say of the caller is never proof: only what an account signed is.
    """

    holder: KeyHolder
    headers: CallHeaders
    #: The sets of this address that the key has the scope of.
    sets: frozenset[str]
    #: Where there is no call: what the client calls this conversation.
    occasion: str = ""

    door = ToolCall.Door.MCP

    @property
    def company_id(self) -> UUID | None:
        """The key's."""
        return self.holder.company_id

    @property
    def key(self) -> KeyHolder | None:
        """The key that was shown."""
        return self.holder

    @property
    def servers(self) -> Collection[str]:
        """The sets of tools that may be asked for."""
        return self.sets

    def owner(self, sent: dict[str, Any]) -> Owner | None:
        """Return the branch of the dialled number, of the call, or the only one."""
        with scope(self.holder.company_id):
            owner = self._owner()
        if owner is None or self.holder.branch_id in (None, owner.branch_id):
            return owner
        return None

    def _owner(self) -> Owner | None:
        if self.headers.to_number:
            number = _dialled(self.headers.to_number)
            if number is None:
                return None
            return resolver.owner_of_number(number, within=self.holder.company_id)
        if self.headers.call_id:
            found = calls.of_company(self.headers.call_id)
            branch_ids = [one.branch_id for one in found if one.status in _OPEN]
        else:
            active = Branch.objects.filter(is_active=True, company__is_active=True)
            if self.holder.branch_id is not None:
                active = active.filter(pk=self.holder.branch_id)
            branch_ids = list(active.values_list("pk", flat=True)[:2])
        if len(branch_ids) != 1:
            return None
        return Owner(self.holder.company_id, branch_ids[0])

    def caller(
        self, known: Known, tool: Tool, sent: dict[str, Any], deadline: float
    ) -> Caller:
        """Return who is on the line, as far as an account has signed it.

        :raises Declined: the call is over, or another branch's; or there is none, and
            the tool needs one.
        """
        call = self._call(known, tool)
        if call.branch_id != known.branch.pk:
            raise Declined(Code.NOT_PERMITTED, phrases.unknown_number())
        return Caller(
            known.branch,
            call,
            call.from_number or None,
            said_phone=e164(self.headers.from_number),
            deadline=deadline,
        )

    def _call(self, known: Known, tool: Tool) -> Call:
        branch = known.branch
        if self.headers.call_id:
            return self._named(known)
        if self.occasion:
            # No telephone call: nothing of it is awaited, and nobody is on the line.
            facts = CallFacts(
                correlation_id=_occasion_id(self.holder.company_id, self.occasion),
                status=Call.Status.ENDED,
                direction="mcp",
            )
            return calls.merge(branch, facts)
        if tool.needs_call:
            raise Declined(
                Code.INVALID_INPUT,
                phrases.ask_again(),
                fields=["idempotency_key"],
                expected={
                    "idempotency_key": "a text of your choice for this conversation,"
                    " or the header X-AskPro-Call-Id"
                },
            )
        return Call(
            company_id=branch.company_id,
            branch=branch,
            correlation_id=correlation.current(),
        )

    def _named(self, known: Known) -> Call:
        """Return the call of the header, made if nobody has told of it yet.

        :raises Declined: it is over, or two accounts have one of this id.
        """
        found = calls.of_company(self.headers.call_id)
        if len(found) > 1 or any(one.status not in _OPEN for one in found):
            raise Declined(Code.NOT_PERMITTED, phrases.unknown_number())
        if found and found[0].branch_id != known.branch.pk:
            return found[0]
        # Ours came back: the first ring of this call had no id yet.
        came, call_id = correlation.current(), self.headers.call_id
        correlation_id = came if came.startswith("inb_") else call_id
        account_id = found[0].account_id if found else known.retell_account_id
        if account_id is not None and not (found and found[0].from_number):
            self._read_up(known, account_id, {call_id, correlation_id})
        facts = CallFacts(
            correlation_id=correlation_id,
            account_id=account_id,
            call_id=call_id,
            status=Call.Status.STARTED,
            to_number=_dialled(self.headers.to_number) or "",
        )
        return calls.merge(known.branch, facts)

    def _read_up(self, known: Known, account_id: UUID, ids: set[str]) -> None:
        """Merge what is signed about this call and waits for a worker."""
        own = Owner(known.branch.company_id, known.branch.pk)
        for unread in _unread:
            for facts in unread(account_id, ids):
                if facts.call_id not in ("", self.headers.call_id):
                    continue
                number, company_id = facts.to_number, self.holder.company_id
                if own == resolver.owner_of_number(number, within=company_id):
                    calls.merge(known.branch, facts)


def _dialled(text: str) -> str | None:
    """Return a number as E.164; what is written so is one, whoever could dial it."""
    return text if _E164.fullmatch(text) else e164(text)


def _occasion_id(company_id: UUID, occasion: str) -> str:
    digest = hashlib.sha256(f"{company_id} {occasion}".encode()).hexdigest()
    return f"mcp_{digest[:40]}"
