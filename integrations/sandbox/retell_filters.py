"""Which objects a list asks for: criteria, order and pages as Retell reads them.

Source: https://docs.retellai.com/api-references/list-calls
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
DEFAULT_LIMIT, HIGHEST_LIMIT = 50, 1_000
ORDERS = {"ascending", "descending"}
OPERATORS: dict[str, dict[str, Callable[[Any, Any], bool]]] = {
    "string": {
        "eq": lambda ours, wanted: bool(ours == wanted),
        "ne": lambda ours, wanted: bool(ours != wanted),
        "sw": lambda ours, wanted: str(ours or "").startswith(wanted),
        "ew": lambda ours, wanted: str(ours or "").endswith(wanted),
        "co": lambda ours, wanted: wanted in str(ours or ""),
    },
    "enum": {"in": lambda ours, wanted: ours in wanted},
    "number": {
        "eq": lambda ours, wanted: bool(ours == wanted),
        "ne": lambda ours, wanted: bool(ours != wanted),
        "gt": lambda ours, wanted: ours is not None and bool(ours > wanted),
        "ge": lambda ours, wanted: ours is not None and bool(ours >= wanted),
        "lt": lambda ours, wanted: ours is not None and bool(ours < wanted),
        "le": lambda ours, wanted: ours is not None and bool(ours <= wanted),
    },
    "range": {
        "bt": lambda ours, wanted: (
            ours is not None and bool(wanted[0] <= ours <= wanted[1])
        )
    },
    "boolean": {"eq": lambda ours, wanted: ours is wanted},
}
CALL_FIELDS: dict[str, tuple[str, ...]] = {
    **{
        name: (name,)
        for name in (
            "agent_tag",
            "batch_call_id",
            "call_id",
            "call_status",
            "call_type",
            "data_storage_setting",
            "direction",
            "disconnection_reason",
            "duration_ms",
            "end_timestamp",
            "from_number",
            "start_timestamp",
            "to_number",
        )
    },
    **{
        name: ("call_analysis", name)
        for name in ("call_successful", "in_voicemail", "user_sentiment")
    },
    "combined_cost": ("call_cost", "combined_cost"),
    "e2e_latency_p50": ("latency", "e2e", "p50"),
}


class BadCriteria(ValueError):
    """The request asks for something that Retell refuses with 400."""


def chosen_calls(calls: list[Json], criteria: Json) -> list[Json]:
    """Return the calls that meet every criterion.

    :raises BadCriteria: for an unknown field, type or operator.
    """
    for name, criterion in criteria.items():
        if name == "agent":
            calls = [call for call in calls if _is_by_agent(call, criterion)]
        elif name in CALL_FIELDS:
            meets = _operator(criterion)
            path = CALL_FIELDS[name]
            wanted = criterion.get("value")
            calls = [call for call in calls if meets(_at(call, path), wanted)]
        else:
            raise BadCriteria(f"filter_criteria has unknown property {name}")
    return calls


def page(items: list[Json], key: str, asked: Json) -> Json:
    """Return one page of items, which come in ascending order.

    :param key: the field that identifies an item, and a page's end.
    :raises BadCriteria: for a limit, order or pagination key that isn't one.
    """
    try:
        limit = int(asked.get("limit", DEFAULT_LIMIT))
        skip = int(asked.get("skip", 0))
    except (TypeError, ValueError) as error:
        raise BadCriteria("limit must be a number") from error
    order = asked.get("sort_order", "descending")
    if not 1 <= limit <= HIGHEST_LIMIT or skip < 0:
        raise BadCriteria(f"limit must be between 1 and {HIGHEST_LIMIT}")
    if order not in ORDERS:
        raise BadCriteria("sort_order must be ascending or descending")
    total = len(items)
    if order == "descending":
        items = items[::-1]
    after = asked.get("pagination_key")
    if after:
        keys = [item[key] for item in items]
        if after not in keys:
            raise BadCriteria("pagination_key is not valid")
        items = items[keys.index(after) + 1 :]
    items = items[skip:]
    answer: Json = {"items": items[:limit], "has_more": len(items) > limit}
    if answer["has_more"]:
        answer["pagination_key"] = answer["items"][-1][key]
    if asked.get("include_total"):
        answer["total"] = total
    return answer


def _is_by_agent(call: Json, wanted: Any) -> bool:
    return any(
        call["agent_id"] == agent.get("agent_id")
        and call["agent_version"] in (agent.get("version") or [call["agent_version"]])
        for agent in wanted
    )


def _operator(criterion: Any) -> Callable[[Any, Any], bool]:
    if not isinstance(criterion, dict):
        raise BadCriteria("a filter is an object of type, op and value")
    found = OPERATORS.get(criterion.get("type", ""), {}).get(criterion.get("op", ""))
    if found is None:
        raise BadCriteria("a filter has an unknown type or op")
    return found


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
