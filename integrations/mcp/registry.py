"""The tools: one definition each, whatever door a question comes through.

A tool is a class, written once. From it come the listing of the MCP doors, Retell's
custom functions and tool entries, the prompt's section (all in
:mod:`integrations.mcp.definitions`), the admin's page and ``docs/tools.md``
(:mod:`integrations.mcp.reference`). A tool for callers is a :class:`Tool`; one for
staff and their assistants a :class:`StaffTool`::

    @register
    class WebhookHealth(StaffTool):
        \"""Tell whether deliveries come in and are worked on.\"""

        server = Server.WEBHOOK
        name = "webhook_health"
        title, title_de = "Health of the deliveries", "Zustand der Zustellungen"
        description = "Whether deliveries come in and are worked on. Ask it first ..."
        description_de = "Ob Zustellungen eintreffen und ..."
        hints = READS

        class Arguments(ToolArguments):
            \"""Over which time.\"""

            hours: int = Field(24, description="How far back.", ge=1, le=168)

        class Data(ToolData):
            \"""What is known.\"""

            received: int = Field(description="Deliveries that came in.")

        def run(self, staff: StaffAsker, wanted: Arguments) -> Answer: ...

The module stands in ``servers/`` and is imported by :mod:`integrations.mcp.servers`; a
module of an app to the right of this one is imported by that app's ``ready``.
:func:`register` refuses a tool that lacks a part. A run that raises becomes an answer
and a row, at every door; of staff's answers the row keeps the sentence and no facts.
"""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from bookings.answers import Answer
from bookings.calls import Caller
from tenants.keys import KeyHolder
from tenants.models import ApiKey

#: The sets of tools; a key's scope of the same name opens one.
Server = ApiKey.Scope
SERVERS = (
    Server.BOOKING,
    Server.CALCOM,
    Server.RETELL,
    Server.DATABASE,
    Server.WEBHOOK,
)
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class ToolArguments(BaseModel):
    """What a language model may pass; all of it wishes, none of it identity."""

    model_config = ConfigDict(
        extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True
    )


class ToolData(BaseModel):
    """The facts of an answer, described; which are there depends on the code."""

    field: str | None = Field(None, description="The argument that is missing.")
    fields: list[str] | None = Field(None, description="The arguments to correct.")
    expected: dict[str, str] | None = Field(
        None, description="What those arguments have to be, by name."
    )
    callback_id: str | None = Field(
        None, description="The callback that was noted, if one was."
    )
    retry_after_s: int | None = Field(None, description="Ask again after this.")


_YES = frozenset({"ja", "jawohl", "genau", "yes", "true", "1", "y", "on"})
_NO = frozenset({"nein", "no", "false", "0", "n", "off"})


def _yes_or_no(value: Any) -> bool | None:
    """Read a yes or no in any spelling; what is neither was not said."""
    word = str(value).strip().casefold()
    return True if word in _YES else False if word in _NO else None


Confirmed = Annotated[bool | None, BeforeValidator(_yes_or_no)]


@dataclass(frozen=True)
class Hints:
    """What a tool does to the world, as MCP's annotations say it."""

    is_read_only: bool
    is_destructive: bool
    is_idempotent: bool
    is_open_world: bool  # asks Cal.com or Retell


READS = Hints(True, False, True, False)
READS_OUTSIDE = Hints(True, False, True, True)


@dataclass(frozen=True)
class StaffAsker:
    """Who asks for a company's staff: a machine with a key of that company.

    The company's scope is entered. Whatever the arguments name is looked up in it.
    """

    company_id: UUID
    key: KeyHolder
    #: On the monotonic clock; the answer must be given by then.
    deadline: float
    now: datetime = field(default_factory=timezone.now)

    @property
    def left_s(self) -> float:
        """Seconds until the answer must be given; never negative."""
        return max(0.0, self.deadline - time.monotonic())


class AnyTool(ABC):
    """What every tool says of itself."""

    #: The set that it belongs to, and the scope that a key needs for it.
    server: ClassVar[ApiKey.Scope]
    #: Verb and object; staff's begin with the set's name. Agents keep it: no renaming.
    name: ClassVar[str]
    title: ClassVar[str]
    title_de: ClassVar[str]
    #: For language models: what it does, when to use it, what must have come before.
    description: ClassVar[str]
    description_de: ClassVar[str]
    #: Flat, each described, texts with a most length.
    Arguments: ClassVar[type[ToolArguments]] = ToolArguments
    Data: ClassVar[type[ToolData]] = ToolData
    hints: ClassVar[Hints]

    @property
    @abstractmethod
    def deadline_s(self) -> float:
        """Seconds until the answer is given, whatever happens behind it."""


class Tool(AnyTool):
    """A question that an agent may ask while the caller waits."""

    server = Server.BOOKING
    #: What the agent says meanwhile, in German; empty: the answer comes at once.
    meanwhile: ClassVar[str] = ""
    #: Whether it also works at a branch that is not set up yet.
    needs_ready_branch: ClassVar[bool] = True
    #: Whether something is kept for the call: a client without one names the occasion.
    needs_call: ClassVar[bool] = True

    @property
    def deadline_s(self) -> float:
        """Seconds until the answer is given, whatever happens behind it."""
        return float(settings.TOOL_DEADLINE_S)

    @abstractmethod
    def run(self, caller: Caller, wanted: Any) -> Answer:
        """Return the answer.

        :param wanted: an instance of :attr:`Arguments`.
        :raises Declined: carries an answer too.
        """


class StaffTool(AnyTool):
    """A question of staff's assistants, asked with a key that has the set's scope.

    What is read may have been written by strangers: cap it (``quoted``), name its field
    for what it is (``customer_note``), say so in the description, and never put it
    into ``say``.
    """

    seconds: ClassVar[float] = 10.0

    @property
    def deadline_s(self) -> float:
        """Seconds until the answer is given, whatever happens behind it."""
        return self.seconds

    @abstractmethod
    def run(self, staff: StaffAsker, wanted: Any) -> Answer:
        """Return the answer; run in the scope of the key's company.

        :param wanted: an instance of :attr:`Arguments`.
        :raises Declined: carries an answer too.
        """


_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]")


def quoted(text: str, *, most: int = 500) -> str:
    """Return what a stranger wrote, without control characters and not endless."""
    clean = _UNPRINTABLE.sub(" ", text).strip()
    return clean if len(clean) <= most else f"{clean[: most - 1].rstrip()}…"


ToolType = TypeVar("ToolType", bound=type[AnyTool])

_tools: dict[str, AnyTool] = {}
_VERSION = re.compile(r"[_-]v\d+$")
_PARTS = ("title", "title_de", "description", "description_de", "hints")


def register(tool: ToolType) -> ToolType:
    """Add a tool under its name.

    :raises TypeError: it lacks a part, or its name is none that all clients take.
    """
    missing = [part for part in _PARTS if not getattr(tool, part, None)]
    if missing or NAME.fullmatch(tool.name) is None or tool.server not in SERVERS:
        raise TypeError(f"{tool.__name__} is no tool: {missing or tool.name}")
    _tools[tool.name] = tool()
    return tool


def find(name: str, servers: Collection[str] = (Server.BOOKING,)) -> AnyTool | None:
    """Return the tool of this name in these sets, versions like ``_v17`` stripped."""
    tool = _tools.get(_VERSION.sub("", name.strip()))
    return tool if tool is not None and tool.server in servers else None


def tools(servers: Collection[str] = SERVERS) -> list[AnyTool]:
    """Return every tool of these sets, by name."""
    return [one for _, one in sorted(_tools.items()) if one.server in servers]
