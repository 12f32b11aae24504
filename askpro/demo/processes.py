"""The product's own processes, started as an operator would and ended with us."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

BASE_DIR = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 15.0
PR_SET_PDEATHSIG = 1


class ProcessFailed(RuntimeError):
    """A process did not come up; the message names its log."""


class Processes:
    """Processes that live as long as the block."""

    def __init__(self, logs: Path, **environment: str) -> None:
        self.logs = logs
        self.environment = os.environ | environment
        self.running: dict[str, subprocess.Popen[str]] = {}

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(
        self, name: str, *arguments: str, speaks: bool = False
    ) -> subprocess.Popen[str]:
        """Start ``manage.py`` with these arguments; its words go to a log file.

        :param speaks: its standard output is read by :meth:`first_line` instead.
        """
        command = [sys.executable, str(BASE_DIR / "manage.py"), *arguments]
        return self.launch(name, command, speaks=speaks)

    def launch(
        self,
        name: str,
        command: list[str],
        *,
        speaks: bool = False,
        listens: bool = False,
    ) -> subprocess.Popen[str]:
        """Start any command the same way.

        :param listens: it is told things on its standard input.
        """
        log = (self.logs / f"{name}.log").open("w")
        with log:
            process = subprocess.Popen(  # noqa: S603 (our own commands)
                command,
                cwd=BASE_DIR,
                env=self.environment,
                stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
                stdout=subprocess.PIPE if speaks else log,
                stderr=log,
                text=True,
                # Ctrl-C reaches us alone; we end the others in order.
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )
        self.running[name] = process
        return process

    def run(self, name: str, *arguments: str) -> None:
        """Run a command to its end.

        :raises ProcessFailed: it failed.
        """
        process = self.start(name, *arguments)
        process.wait(START_TIMEOUT_S * 3)
        del self.running[name]
        if process.returncode:
            raise ProcessFailed(f"{name} failed: see {self.logs / name}.log")

    def first_line(self, name: str) -> dict[str, Any]:
        """Return the JSON object that a process prints once it is ready.

        :raises ProcessFailed: it ended instead.
        """
        process = self.running[name]
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise ProcessFailed(f"{name} did not start: see {self.logs / name}.log")
        found: dict[str, Any] = json.loads(line)
        return found

    def wait_for(self, name: str, url: str) -> None:
        """Wait until an address answers.

        :raises ProcessFailed: the process ended, or nothing answers in a minute.
        """
        give_up = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < give_up:
            if self.running[name].poll() is not None:
                break
            try:
                with urllib.request.urlopen(url, timeout=2):  # noqa: S310 (loopback)
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise ProcessFailed(f"{name} does not answer: see {self.logs / name}.log")

    def stop(self, *names: str) -> None:
        """End the named processes, or all: last started first, politely, then not."""
        for name in names or tuple(reversed(self.running)):
            process = self.running.pop(name)
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            self._wait(process)

    @staticmethod
    def _wait(process: subprocess.Popen[str]) -> None:
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            # The session is the process' own: its children go with it.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_TIMEOUT_S)
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _die_with_parent() -> None:
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
