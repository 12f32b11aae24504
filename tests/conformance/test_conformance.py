"""The protocol's own referees: the conformance suite and the Inspector, strict.

``make conformance`` installs them; a missing one is a failure.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conformance import proxy
from tests.integrations.mcp.conftest import branch, web_url  # noqa: F401 (fixtures)
from tests.integrations.mcp.door import key_for

pytestmark = pytest.mark.proof

FOLDER = Path(__file__).resolve().parent
MODULES = FOLDER / "node_modules"
SUITE = MODULES / "@modelcontextprotocol/conformance/dist/index.js"
INSPECTOR = MODULES / "@modelcontextprotocol/inspector/clients/launcher/build/index.js"
LATEST_OLD, NEW = "2025-11-25", "2026-07-28"
#: Every scenario that a server with tools only must pass, by revision.
SCENARIOS = [
    *(
        (version, name)
        for version in ("2025-06-18", LATEST_OLD)
        for name in ("server-initialize", "ping", "tools-list")
    ),
    (LATEST_OLD, "dns-rebinding-protection"),
    *(
        (NEW, name)
        for name in (
            *("server-stateless", "tools-list", "http-header-validation", "caching"),
            *("server-sse-multiple-streams", "sep-2164-resource-not-found"),
            "input-required-result-unsupported-methods",
            "dns-rebinding-protection",
        )
    ),
]

#: What the suite can't look at here, and why; nothing else may fail.
NOT_APPLICABLE = {
    "sep-2575-server-rejects-undeclared-capability": "no tool asks the client back",
    "sep-2575-missing-capability-http-400": "no tool asks the client back",
    "sep-2575-http-server-no-independent-requests-on-stream": "no tool asks it back",
    "sep-2575-server-no-log-without-loglevel": "nothing is logged to clients",
    "sep-2549-prompts-list-caching-hints": "there are no prompts",
    "sep-2549-resources-list-caching-hints": "there are no resources",
    "sep-2549-resources-templates-list-caching-hints": "there are no resources",
}


def node() -> str:
    """Return a Node that is new enough: the one that is installed beside the suite."""
    own = sorted(MODULES.glob("node-linux-*/bin/node"))
    found = str(own[0]) if own else shutil.which("node")
    assert SUITE.exists(), "make conformance installs what is missing here"
    assert found is not None, "make conformance brings a Node for Linux"
    version = subprocess.check_output([found, "--version"], text=True)
    assert int(version.lstrip("v").split(".")[0]) >= 22, version
    return found


@pytest.fixture
def door(web_url, branch):  # noqa: F811
    with proxy.showing(key_for(branch), web_url) as url:
        yield f"{url}/api/mcp"


@pytest.mark.parametrize(("version", "scenario"), SCENARIOS)
def test_a_scenario_of_the_official_suite_passes(door, tmp_path, version, scenario):
    command = [node(), str(SUITE), "server", "--url", door, "--scenario", scenario]
    command += ["--spec-version", version, "-o", str(tmp_path)]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120)

    (found,) = tmp_path.rglob("checks.json")
    checks = json.loads(found.read_text())
    failed = [one for one in checks if one["status"] == "FAILURE"]
    assert [one for one in failed if one["id"] not in NOT_APPLICABLE] == []
    assert any(one["status"] == "SUCCESS" for one in checks), checks
    assert failed or done.returncode == 0, done.stdout + done.stderr


def inspect(
    url: str, key: str, era: str, *more: str
) -> subprocess.CompletedProcess[str]:
    command = [node(), str(INSPECTOR), "--cli", url, "--transport", "http"]
    command += ["--header", f"Authorization: Bearer {key}", "--protocol-era", era]
    return subprocess.run(
        [*command, *more], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("era", ["legacy", "modern"])
@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_inspector_has_nothing_to_say(web_url, branch, era, is_streamed):  # noqa: F811
    url = f"{web_url}/api/mcp"
    scopes = ("booking", "calcom", "retell", "database", "webhook")
    key = key_for(branch, *scopes, is_streamed=is_streamed)

    listed = inspect(url, key, era, "--method", "tools/list", "--strict")
    called = inspect(
        url, key, era, "--method", "tools/call", "--tool-name", "list_services"
    )
    refused = inspect(
        url, key, era, "--method", "tools/call", "--tool-name", "resolve_time"
    )
    stranger = inspect(url, "nobody", era, "--method", "tools/list")

    assert listed.returncode == 0, listed.stderr
    assert "check_availability" in listed.stdout
    assert called.returncode == 0, called.stderr
    assert "Wir bieten an" in called.stdout
    assert refused.returncode == 5, refused.stderr
    assert stranger.returncode == 3, stranger.stderr


@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_client_of_last_year_connects(web_url, branch, is_streamed):  # noqa: F811
    python = FOLDER / "older/bin/python"
    assert python.exists(), "make conformance installs what is missing here"
    command = [str(python), str(FOLDER / "older_client.py"), f"{web_url}/api/mcp"]

    done = subprocess.run(
        [*command, key_for(branch, is_streamed=is_streamed)],
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["version"] == LATEST_OLD
    assert "check_availability" in seen["tools"]
    assert seen["answer"]["code"] == "ok"
    assert seen["is_error"] == [False, True]
