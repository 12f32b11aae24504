"""The tools: one definition each, whatever door a question comes through."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict

from bookings.answers import Answer
from bookings.calls import Caller


class ToolArguments(BaseModel):
    """What a language model may pass; all of it wishes, none of it identity."""

    model_config = ConfigDict(
        extra="ignore", coerce_numbers_to_str=True, str_strip_whitespace=True
    )


_YES = frozenset({"ja", "jawohl", "genau", "yes", "true", "1", "y", "on"})
_NO = frozenset({"nein", "no", "false", "0", "n", "off"})


def _yes_or_no(value: Any) -> bool | None:
    """Read a yes or no in any spelling; what is neither was not said."""
    word = str(value).strip().casefold()
    return True if word in _YES else False if word in _NO else None


Confirmed = Annotated[bool | None, BeforeValidator(_yes_or_no)]


class Tool(ABC):
    """A question that an agent may ask while the caller waits."""

    name: ClassVar[str]
    description: ClassVar[str]
    Arguments: ClassVar[type[ToolArguments]] = ToolArguments
    #: Whether it also works at a branch that is not set up yet.
    needs_ready_branch: ClassVar[bool] = True

    @abstractmethod
    def run(self, caller: Caller, wanted: Any) -> Answer:
        """Return the answer.

        :param wanted: an instance of :attr:`Arguments`.
        :raises Declined: carries an answer too.
        """


ToolType = TypeVar("ToolType", bound=type[Tool])

_tools: dict[str, Tool] = {}
_VERSION = re.compile(r"[_-]v\d+$")


def register(tool: ToolType) -> ToolType:
    """Add a tool under its name."""
    _tools[tool.name] = tool()
    return tool


def find(name: str) -> Tool | None:
    """Return the tool of this name, versions like ``_v17`` stripped."""
    return _tools.get(_VERSION.sub("", name.strip()))


def tools() -> list[Tool]:
    """Return every tool, by name."""
    return [_tools[name] for name in sorted(_tools)]
