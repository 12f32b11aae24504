"""``manage.py demo`` as a newcomer starts it: one command, one line, nothing left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.system import eventually

pytestmark = pytest.mark.proof

ROOT = Path(__file__).resolve().parent.parent.parent
#: A newcomer's environment: no server, no setting of ours.
BARE = {
    name: value
    for name, value in os.environ.items()
    if name in ("HOME", "LANG", "TMPDIR", "USER")
} | {"PATH": "/usr/bin:/bin"}


def start(var, *arguments):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "manage.py", "demo", "--json", "--port", str(port)]
    return subprocess.Popen(
        [*command, "--var", str(var), *arguments],
        cwd=ROOT,
        env=BARE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def left_of(var):
    """Return the processes that still belong to a demo."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except (OSError, ValueError):
            continue
        if str(var).encode() in words and entry.name != str(os.getpid()):
            found.append(entry.name)
    return found


def test_it_plays_every_call_and_ends_leaving_nothing(tmp_path):
    process = start(tmp_path / "var", "--once")
    out, _ = process.communicate(timeout=300)

    assert process.returncode == 0, out
    said = json.loads(out)
    assert [call["scenario"] for call in said["calls"]] == list("abcdeefgh")
    assert len(said["checks"]) >= 14
    assert all(check["ok"] for check in said["checks"]), said["checks"]
    assert set(said["urls"]) == {
        "web",
        "admin",
        "mcp",
        "sandbox_calcom",
        "sandbox_retell",
    }
    assert set(said["demo_keys"]) == {"mcp", "calcom", "retell_webhook"}
    for call in said["calls"]:
        assert call["steps"]
        assert {step["kind"] for step in call["steps"]} >= {"event", "tool"}
    eventually(lambda: left_of(tmp_path / "var") == [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_goes_on_until_a_signal_and_takes_everything_with_it(tmp_path, number):
    process = start(tmp_path / "var")
    said = json.loads(process.stdout.readline())

    with urllib.request.urlopen(said["urls"]["admin"], timeout=10) as page:
        assert page.status == 200
        assert "AskPro" in page.read().decode()
    process.send_signal(number)
    process.wait(60)

    assert process.returncode == 0
    process.stdout.close()
    eventually(lambda: left_of(tmp_path / "var") == [])
