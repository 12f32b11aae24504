"""A process that broke begins anew, under the same id; one that may not start ends."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import os, pathlib, sys
from django.core.management.base import CommandError
from askpro import lasting
lasting.PAUSE_S = 0
log = pathlib.Path(sys.argv[1])
with lasting.lasting():
    with log.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    times = len(log.read_text().split())
    if sys.argv[2] == "never":
        raise CommandError("it is set up wrongly")
    if times < 3:
        raise ConnectionError("the broker is away")
"""


def run(log, how):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(log), how],
        capture_output=True,
        text=True,
        check=False,
    )
    return done, log.read_text().split()


def test_what_broke_begins_anew_until_it_ends_in_order(tmp_path):
    done, pids = run(tmp_path / "log", "at last")

    assert done.returncode == 0
    assert len(pids) == 3
    assert len(set(pids)) == 1
    assert "the broker is away" in done.stderr


def test_what_can_not_be_started_ends(tmp_path):
    done, pids = run(tmp_path / "log", "never")

    assert done.returncode == 1
    assert len(pids) == 1
    assert "it is set up wrongly" in done.stderr
