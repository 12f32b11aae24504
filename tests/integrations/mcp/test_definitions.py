"""What is told of every tool: schemas that all clients take, and nothing made up."""

from __future__ import annotations

import re
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from jsonschema import Draft202012Validator

from integrations.management.commands import tools_reference
from integrations.mcp import definitions, reference, registry, schemas
from integrations.mcp.registry import READS, Server, Tool, ToolArguments, register

ALL = registry.tools()
IDS = [one.name for one in ALL]
#: What the request tells already: a model that may write it can be told to.
FORBIDDEN = {"tenant", "company", "company_id", "call_id", "from_number", "to_number"}


def walk(schema):
    yield schema
    for value in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(value, dict | list):
            yield from walk(value)


@pytest.mark.parametrize("tool", ALL, ids=IDS)
def test_every_tool_is_one_that_all_clients_take(tool):
    told = definitions.mcp_tool(tool)

    assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", told["name"])
    assert 3 < len(told["title"]) < 60
    assert 40 < len(told["description"]) < 600
    assert 40 < len(tool.description_de) < 600
    assert re.search(r"\.$", told["description"])
    assert {
        name: type(value) for name, value in told["annotations"].items()
    } == {
        "title": str,
        "readOnlyHint": bool,
        "destructiveHint": bool,
        "idempotentHint": bool,
        "openWorldHint": bool,
    }  # fmt: skip
    assert not (
        told["annotations"]["readOnlyHint"] and told["annotations"]["destructiveHint"]
    )


@pytest.mark.parametrize("tool", ALL, ids=IDS)
def test_every_argument_is_typed_described_and_limited(tool):
    schema = definitions.mcp_tool(tool)["inputSchema"]

    assert (schema["type"], schema["additionalProperties"]) == ("object", False)
    assert set(schema) <= {"type", "properties", "required", "additionalProperties"}
    for name, one in schema["properties"].items():
        assert re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name)
        assert len(one["description"]) > 8, name
        assert one["type"] in ("string", "boolean", "integer", "array"), name
        if one["type"] == "string" and "enum" not in one:
            assert one["maxLength"] <= 8_000, name
        if one["type"] == "integer":
            assert {"minimum", "maximum"} <= set(one), name
        if one["type"] == "array":
            assert one["maxItems"] <= 100, name
    if isinstance(tool, Tool):
        assert FORBIDDEN.isdisjoint(schema["properties"])


@pytest.mark.parametrize("tool", ALL, ids=IDS)
def test_no_schema_asks_more_of_a_client_than_all_can(tool):
    told = definitions.mcp_tool(tool)

    for schema in (told["inputSchema"], told["outputSchema"]):
        Draft202012Validator.check_schema(schema)
        for part in walk(schema):
            if isinstance(part, dict):
                assert {"$ref", "$defs", "anyOf", "allOf", "oneOf"}.isdisjoint(part)
                assert not isinstance(part.get("title"), str)


@pytest.mark.parametrize("tool", ALL, ids=IDS)
def test_every_fact_of_an_answer_is_described(tool):
    schema = definitions.mcp_tool(tool)["outputSchema"]

    assert list(schema["properties"]) == ["say", "success", "code", "data"]
    for name, one in schema["properties"]["data"]["properties"].items():
        assert len(one["description"]) > 4, name


def test_what_one_key_sees_stays_small():
    import orjson

    for server in registry.SERVERS:
        told = definitions.mcp_tools((server,))
        assert len(told) <= 20, server
        inputs = [one | {"outputSchema": None} for one in told]
        assert len(orjson.dumps(inputs)) < 20_000, server


def test_only_reads_may_be_repeated_by_the_network():
    for tool in definitions.caller_tools():
        entry = definitions.retell_function(tool, base_url="https://x.example")
        assert entry["max_retry"] == (1 if tool.hints.is_read_only else 0), tool.name


def test_retell_gets_each_tool_as_a_function_of_its_own_address():
    endpoint = uuid4()
    tool = registry.find("create_booking")

    entry = definitions.retell_function(
        tool, base_url="https://x.example", endpoint=endpoint
    )

    assert entry == {
        "type": "custom",
        "name": "create_booking",
        "description": tool.description_de,
        "url": f"https://x.example/api/mcp/retell/{endpoint}/functions/create_booking",
        "method": "POST",
        "parameter_type": "json",
        "parameters": schemas.arguments_of(tool),
        "args_at_root": False,
        "timeout_ms": 8_000,
        "max_retry": 0,
        "speak_during_execution": True,
        "speak_after_execution": True,
        "execution_message_type": "static_text",
        "execution_message_description": "Einen Moment bitte, ich trage das ein.",
    }
    assert "idempotency_key" not in entry["parameters"]["properties"]


def test_retell_gets_the_server_with_the_headers_that_name_the_call():
    server = definitions.retell_mcp_server(base_url="https://x.example", bearer="k")
    entry = definitions.retell_mcp_tool(registry.find("list_services"), mcp_id="m")

    assert server["url"] == "https://x.example/api/mcp/booking"
    assert server["headers"] == {
        "Authorization": "Bearer k",
        "X-AskPro-Call-Id": "{{call_id}}",
        "X-AskPro-To": "{{agent_number}}",
        "X-AskPro-From": "{{user_number}}",
        "X-Correlation-ID": "{{askpro_correlation_id}}",
    }
    assert (entry["type"], entry["name"], entry["mcp_id"]) == (
        "mcp", "list_services", "m",
    )  # fmt: skip
    assert entry["speak_during_execution"] is False


def test_the_prompt_names_every_tool_for_callers_and_no_other():
    section = definitions.prompt_section()

    named = re.findall(r"^- `(\w+)`", section, re.M)
    assert named == [one.name for one in registry.tools((Server.BOOKING,))]


def test_docs_tools_md_says_what_the_classes_say():
    out = StringIO()
    call_command("tools_reference", stdout=out)

    assert tools_reference.PATH.read_text() == out.getvalue() == reference.markdown(), (
        "run manage.py tools_reference --write"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"title": ""}, {"description_de": ""}, {"name": "Book"}, {"name": "a.b"},
        {"name": "x" * 41}, {"hints": None}, {"server": Server.REST},
    ],
)  # fmt: skip
def test_half_a_tool_is_none(change):
    whole = {
        "name": "half_a_tool", "title": "t", "title_de": "t", "description": "d",
        "description_de": "d", "hints": READS, "run": lambda *_: None,
    }  # fmt: skip

    with pytest.raises(TypeError):
        register(type("Half", (Tool,), whole | change))

    assert registry.find("half_a_tool") is None


def test_a_schema_is_flat_whatever_the_model():
    from typing import Literal

    from pydantic import BaseModel, Field

    class Inner(BaseModel):
        title: str = Field(description="A property of this name stays.")

    class Outer(ToolArguments):
        inner: Inner | None = Field(None, description="Its own words.")
        many: list[Inner] = Field(description="Many.", max_length=3)
        kind: Literal["a", "b"] = Field("a", description="One of two.")

    inner = {
        "type": "object",
        "properties": {
            "title": {
                "type": "string",
                "description": "A property of this name stays.",
            }
        },
        "required": ["title"],
        "description": "Its own words.",
    }
    nullable = schemas.flat(Outer, has_null=True)["properties"]["inner"]
    assert nullable == inner | {"type": ["object", "null"]}
    assert schemas.flat(Outer) == {
        "type": "object",
        "properties": {
            "inner": inner,
            "many": {
                "type": "array",
                "maxItems": 3,
                "description": "Many.",
                "items": {
                    "type": "object",
                    "properties": {
                        "title": {
                            "type": "string",
                            "description": "A property of this name stays.",
                        }
                    },
                    "required": ["title"],
                },
            },
            "kind": {
                "type": "string",
                "enum": ["a", "b"],
                "default": "a",
                "description": "One of two.",
            },
        },
        "required": ["many"],
    }
