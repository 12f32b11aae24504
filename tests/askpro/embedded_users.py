"""Processes that use the embedded servers, and folders for them."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
import redis

from askpro import embedded

NOBODY = 65534
PROGRAM = """
import json, os, sys
from askpro import embedded
try:
    embedded.prepare(owner="owner" in sys.argv)
except embedded.EmbeddedError as error:
    sys.exit(str(error))
pids = embedded.pids(embedded.var_folder())
print(json.dumps({"env": dict(os.environ), "pids": pids}), flush=True)
sys.stdin.read()
"""


class User:
    """A process that uses the servers until its input is closed."""

    def __init__(
        self,
        *words: str,
        python: str = sys.executable,
        user: int | None = None,
        env: dict[str, str] | None = None,
        **more: str,
    ) -> None:
        clean = {
            name: value
            for name, value in os.environ.items()
            if name not in (*embedded.LOGINS, embedded.MARK, embedded.MARKED)
            and name not in ("REDIS_URL", "SECRET_KEY", "FIELD_ENCRYPTION_KEYS")
        }
        self.process = subprocess.Popen(
            [python, "-c", PROGRAM, *words],
            env=(clean if env is None else env) | more,
            cwd=embedded.BASE_DIR,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            user=user,
            group=user,
            extra_groups=[] if user else None,
        )
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline() or "{}")
        self.env: dict[str, str] = told.get("env", {})
        self.pids: dict[str, int] = told.get("pids", {})

    def leave(self) -> str:
        """End as a process does; return what it complained of."""
        _, complaint = self.process.communicate(timeout=20)
        return complaint

    def fetch(self, query: LiteralString, variable: str = "DATABASE_URL") -> list[Any]:
        with psycopg.connect(self.env[variable], autocommit=True) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.env["REDIS_URL"])


@contextmanager
def using(var: Path, *words: str, **more: Any) -> Iterator[User]:
    user = User(*words, ASKPRO_VAR=str(var), **more)
    try:
        assert user.pids or user.process.poll() is None, user.leave()
        yield user
    finally:
        user.leave()


def lives(pid: int) -> bool:
    """Tell whether a process runs; a zombie does not."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return (
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        )
    return False


def wait_until(condition: Callable[[], bool], seconds: float = 15.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def home_outside(var: Path) -> Path:
    """Return where data lie that may not lie in root's closed folder."""
    return Path("/var/tmp", f"askpro-{embedded.digest(var)}")


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that other accounts may pass, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="askpro-test-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        for lock in folder.rglob("supervisor.lock"):
            embedded.stop(lock.parent)
            shutil.rmtree(home_outside(lock.parent), ignore_errors=True)
        shutil.rmtree(folder)


def runnable_by_nobody() -> str:
    """Return an interpreter of our version that also nobody may run."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        with suppress(OSError):
            subprocess.run([python, "-c", ""], user=NOBODY, extra_groups=[], check=True)
            return python
    pytest.skip("every interpreter of this version lies in a closed folder")
