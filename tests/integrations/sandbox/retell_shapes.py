"""Whether one JSON value has the fields and types of another, values aside."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "payloads/retell"
# What stands in these differs from call to call: only their own type is compared.
FREE = {
    "metadata",
    "retell_llm_dynamic_variables",
    "collected_dynamic_variables",
    "custom_sip_headers",
    "custom_analysis_data",
    "dynamic_variables",
}


def example(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_text())


def shape(value: Any) -> Any:
    """Return the value's fields and types; of a list, what its items look like."""
    if isinstance(value, dict):
        return {
            key: type(part).__name__ if key in FREE else shape(part)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return sorted({json.dumps(shape(part), sort_keys=True) for part in value})
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__
