"""Cal.com's answers: written ones, and ones recorded from the real thing."""

import json
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "payloads" / "calcom_client"


def example(name):
    """Return the body of a written example."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def recorded(name):
    """Return status and body of a recorded answer."""
    answer = json.loads((FOLDER / "recorded" / f"{name}.json").read_text())["response"]
    return answer["status"], answer["body"]
