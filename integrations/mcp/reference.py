"""The reference of all tools: for people, and as a file that is checked in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from integrations.mcp import definitions, registry, schemas
from integrations.mcp.registry import SERVERS, AnyTool, Server

#: For whom each set is; message ids of the catalogue.
AUDIENCES = {
    Server.BOOKING: gettext_noop("Telephone agents, while the caller waits."),
    Server.CALCOM: gettext_noop("Staff's assistants: Cal.com."),
    Server.RETELL: gettext_noop("Staff's assistants: Retell."),
    Server.DATABASE: gettext_noop("Staff's assistants: reading by SQL."),
    Server.WEBHOOK: gettext_noop("Staff's assistants: deliveries and health."),
}


@dataclass(frozen=True)
class Argument:
    """An argument as people read it."""

    name: str
    kind: str
    is_required: bool
    description: str


@dataclass(frozen=True)
class Described:
    """A tool as people read it."""

    tool: AnyTool
    arguments: list[Argument]
    data: list[Argument]
    hints: list[Any]

    @property
    def example(self) -> str:
        """Return the definition that clients get, as JSON."""
        return json.dumps(definitions.mcp_tool(self.tool), ensure_ascii=False, indent=2)


def groups() -> list[tuple[str, str, list[Described]]]:
    """Return each set, for whom it is, and its tools."""
    return [
        (str(server), AUDIENCES[server], [_described(one) for one in found])
        for server in SERVERS
        if (found := registry.tools((server,)))
    ]


def _described(tool: AnyTool) -> Described:
    hints = tool.hints
    return Described(
        tool,
        _arguments(schemas.input_of(tool)),
        _arguments(schemas.flat(tool.Data)),
        [
            _("reads only") if hints.is_read_only else _("writes"),
            *([_("may take something away")] if hints.is_destructive else []),
            *([_("a repeat changes nothing more")] if hints.is_idempotent else []),
            *([_("asks Cal.com or Retell")] if hints.is_open_world else []),
        ],
    )


def _arguments(schema: dict[str, Any]) -> list[Argument]:
    required = schema.get("required", [])
    return [
        Argument(name, _kind(one), name in required, one.get("description", ""))
        for name, one in schema["properties"].items()
    ]


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(json.dumps(one, ensure_ascii=False) for one in schema["enum"])
    kind = schema.get("type", "any")
    kind = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if "maxLength" in schema:
        return f"{kind}, at most {schema['maxLength']} characters"
    limits = [f"{schema[one]}" for one in ("minimum", "maximum") if one in schema]
    return f"{kind}, {' to '.join(limits)}" if limits else kind


_HEAD = """\
# Tools

Made by `manage.py tools_reference --write` from the classes in
`integrations/mcp/servers/` (and those of other apps); a test keeps it true. How to
connect: `docs/mcp.md`.

Every answer, at every door, is `{"say", "success", "code", "data"}`: a German sentence
that may be spoken, whether what was asked for was done or noted, a stable code, and the
facts below, of which those are there that fit the code.
"""


def markdown() -> str:
    """Return the whole reference, in English with the German descriptions beside."""
    parts = [_HEAD]
    for server, audience, found in groups():
        parts.append(f"## {server}\n\n{audience} Scope `{server}`.\n")
        parts += [_section(one) for one in found]
    return "\n".join(parts)


def _section(one: Described) -> str:
    tool, hints = one.tool, one.tool.hints
    told = {
        "reads only": hints.is_read_only,
        "writes": not hints.is_read_only,
        "may take something away": hints.is_destructive,
        "a repeat changes nothing more": hints.is_idempotent,
        "asks Cal.com or Retell": hints.is_open_world,
    }
    lines = [
        f"### {tool.name}",
        "",
        f"**{tool.title}** – {tool.description}",
        "",
        f"**{tool.title_de}** – {tool.description_de}",
        "",
        f"{', '.join(name for name, is_so in told.items() if is_so)};"
        f" within {tool.deadline_s:g} s.",
        "",
    ]
    for title, rows in (("Argument", one.arguments), ("Fact", one.data)):
        if rows:
            lines += [f"| {title} | Type | |", "|---|---|---|"]
            lines += [_row(row) for row in rows]
            lines.append("")
    return "\n".join(lines)


def _row(row: Argument) -> str:
    name = f"`{row.name}`{' (required)' if row.is_required else ''}"
    kind = row.kind.replace("|", "\\|")
    return f"| {name} | {kind} | {row.description} |"
