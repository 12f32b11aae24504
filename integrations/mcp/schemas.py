"""From a pydantic model to the JSON schema that every client takes."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from typing import Any

from pydantic import BaseModel

from bookings.answers import Code
from integrations.mcp.registry import AnyTool, Tool

Json = dict[str, Any]

#: Where a client has no call: what joins its questions, and makes a repeat one.
OCCASION = "idempotency_key"
MOST_OCCASION = 80
_OCCASION: Json = {
    "type": "string",
    "maxLength": MOST_OCCASION,
    "description": (
        "Only for clients without a telephone call: a text of your choice for this"
        " conversation, the same in each of its questions. The same wish is then"
        " carried out once, however often it is sent."
    ),
}


@cache
def arguments_of(tool: AnyTool) -> Json:
    """Return what a language model may send to a tool."""
    schema = flat(tool.Arguments)
    schema.pop("description", None)
    return schema | {"additionalProperties": False}


@cache
def input_of(tool: AnyTool) -> Json:
    """Return what an MCP client may send to a tool."""
    schema = deepcopy(arguments_of(tool))
    if isinstance(tool, Tool) and tool.needs_call:
        schema["properties"][OCCASION] = _OCCASION
    return schema


@cache
def output_of(tool: AnyTool) -> Json:
    """Return what an answer of a tool looks like, whatever its code."""
    data = flat(tool.Data, has_null=True)
    data["description"] = "The facts. Which are there depends on the code."
    return {
        "type": "object",
        "properties": {
            "say": {
                "type": "string",
                "description": "A German sentence that may be spoken as it stands.",
            },
            "success": {
                "type": "boolean",
                "description": "Whether what was asked for was done or noted.",
            },
            "code": {
                "type": "string",
                "enum": [str(code) for code in Code],
                "description": "How it ended.",
            },
            "data": data,
        },
        "required": ["say", "success", "code", "data"],
        "additionalProperties": False,
    }


def flat(model: type[BaseModel], *, has_null: bool = False) -> Json:
    """Return a model's schema without references, titles and unions.

    :param has_null: whether what may be null is told to be: in answers, where clients
        compare, not in arguments, where a null is as good as nothing.
    """
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})
    found: Json = _flat(schema, definitions, has_null)
    return {"type": "object", "properties": {}} | found


def _flat(value: Any, definitions: Json, has_null: bool) -> Any:
    def within(one: Any) -> Any:
        return _flat(one, definitions, has_null)

    if isinstance(value, list):
        return [within(one) for one in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        target = definitions[value["$ref"].rsplit("/", 1)[-1]]
        rest = {name: one for name, one in value.items() if name != "$ref"}
        return within(target | rest)
    if "anyOf" in value:
        (kind,) = [one for one in value["anyOf"] if one != {"type": "null"}]
        left_out = ("anyOf", "default")
        rest = {key: one for key, one in value.items() if key not in left_out}
        found = within(kind | rest)
        return found | {"type": [found["type"], "null"]} if has_null else found
    # A property may itself be called "title".
    return {
        name: (
            {key: within(one) for key, one in kept.items()}
            if name == "properties"
            else within(kept)
        )
        for name, kept in value.items()
        if name != "title" or isinstance(kept, dict)
    }
