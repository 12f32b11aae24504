"""The servers that come as wheels, for who has no PostgreSQL and no Redis.

`prepare` starts or joins them and names them in the environment, so that all that
follows sees ordinary URLs. Every process that called it holds a shared lock for
its life; `embedded_supervisor` stops the servers when nobody holds it.
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import re
import secrets
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg

BASE_DIR = Path(__file__).resolve().parent.parent
START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0
#: What `sun_path` of a UNIX socket holds, without its final zero.
LONGEST_SOCKET = 107

#: The folder whose servers this process and its children use.
MARK = "ASKPRO_EMBEDDED"
#: Which variables name these servers: a child in another folder forgets them.
MARKED = "ASKPRO_EMBEDDED_VARIABLES"
LOGINS = {
    "DATABASE_URL": "askpro",
    "DATABASE_READER_URL": "askpro_reader",
    "DATABASE_OWNER_URL": "askpro_owner",
}

_memberships: dict[Path, int] = {}


class EmbeddedError(RuntimeError):
    """The embedded servers can't be had; the message says what to do."""


def var_folder() -> Path:
    """Return the folder of this checkout's servers; ``ASKPRO_VAR`` overrides it."""
    return Path(os.environ.get("ASKPRO_VAR") or BASE_DIR / "var").resolve()


def prepare(*, owner: bool = False) -> None:
    """Name the database and Redis in the environment, starting them if none is given.

    Where ``DATABASE_URL`` and ``REDIS_URL`` are given, nothing is started.

    :param owner: also name the login that owns the tables (migrations, tests).
    :raises EmbeddedError: nothing runs; the message names the log.
    """
    var = var_folder()
    _forget_inherited(var, owner=owner)
    found: dict[str, str] = {}
    lacking = not (_is_given("DATABASE_URL") and _is_given("REDIS_URL"))
    if lacking and os.environ.get("ASKPRO_MODE") == "production":
        raise EmbeddedError(
            "Production wants servers of its own: set DATABASE_URL and REDIS_URL."
        )
    if lacking or MARK in os.environ:
        sockets = _join(var)
        os.environ[MARK] = str(var)
        found = _urls(var, sockets, owner=owner)
    if os.environ.get("ASKPRO_MODE") != "production":
        kept = read_secrets(var)
        found |= {n: kept[n] for n in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS")}
    new = {name: value for name, value in found.items() if not _is_given(name)}
    os.environ.update(new)
    if MARK in os.environ:
        os.environ[MARKED] = " ".join({*os.environ.get(MARKED, "").split(), *new})


def pids(var: Path) -> dict[str, int]:
    """Return the ids of supervisor, postgres and redis; empty while none runs."""
    state = _state(var) if is_running(var) else {}
    return {name: int(state[name]) for name in state if name != "sockets"}


def superuser_url(var: Path) -> str:
    """Return the URL of the running servers' PostgreSQL superuser."""
    state = _state(var)
    if not state:
        raise EmbeddedError(f"No embedded servers run in {var}.")
    return url_of("postgres", read_secrets(var), Path(state["sockets"]), "postgres")


def restart_postgres(var: Path) -> None:
    """Shut PostgreSQL down, as an operator would, and wait until it is back."""
    old = pids(var)["postgres"]
    os.kill(old, signal.SIGINT)
    _wait(lambda: pids(var).get("postgres", old) != old, "PostgreSQL did not come back")
    kept, sockets = read_secrets(var), Path(_state(var)["sockets"])
    _wait(lambda: postgres_answers(sockets, kept), "PostgreSQL did not answer")


def stop(var: Path) -> None:
    """Stop the servers of a folder, whoever uses them."""
    running = pids(var)
    if running:
        os.kill(running["supervisor"], signal.SIGTERM)
    _wait(lambda: not is_running(var), f"The servers of {var} did not stop")


# --- the folder: also the supervisor's view of it ----------------------------------


def log_of(var: Path, server: str) -> Path:
    """Return the log of ``postgres``, ``redis`` or ``supervisor``."""
    return var / "log" / f"{server}.log"


def is_running(var: Path) -> bool:
    """Tell whether a supervisor lives: it alone locks its file exclusively."""
    try:
        descriptor = os.open(var / "supervisor.lock", os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def read_secrets(var: Path) -> dict[str, str]:
    """Return the passwords and keys of a folder, made at the first call."""
    with _locked(var, "secrets.lock"):
        path = var / "secrets.json"
        if not path.exists():
            made = {name: secrets.token_hex(24) for name in LOGINS.values()}
            made |= {
                "postgres": secrets.token_hex(24),
                # Part of the data folder's name: other secrets, other data.
                "installation": secrets.token_hex(4),
                "SECRET_KEY": secrets.token_urlsafe(48),
                "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(
                    secrets.token_bytes(32)
                ).decode(),
            }
            write_privately(path, json.dumps(made, indent=1))
        kept: dict[str, str] = json.loads(path.read_text())
    return kept


def write_privately(path: Path, text: str) -> None:
    """Write a file of mode 0600 that is there in full or not at all."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def url_of(login: str, kept: dict[str, str], sockets: Path, database: str) -> str:
    """Return a URL that both libpq and django-environ read."""
    host = quote(str(sockets / "pg"), safe="")
    return f"postgresql://{login}:{kept[login]}@/{database}?host={host}"


def postgres_answers(sockets: Path, kept: dict[str, str]) -> bool:
    """Tell whether PostgreSQL lets the superuser in."""
    url = url_of("postgres", kept, sockets, "postgres")
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def make_folder(path: Path, mode: int) -> Path:
    """Make a folder that is ours alone to write, or check that it is.

    :raises EmbeddedError: somebody else's, or a link.
    """
    try:
        path.mkdir(mode=0o700)
        path.chmod(mode)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise EmbeddedError(
                f"{path} is not a folder of this user: remove it, or set ASKPRO_VAR."
            ) from None
    return path


def sockets_under(folder: Path) -> Path:
    """Return where the sockets of a folder lie: there, or short of name in /tmp."""
    run = folder / "run"
    plain = re.fullmatch(r"[\w./+-]+", str(run), re.ASCII)
    if plain and len(str(run / "pg" / ".s.PGSQL.5432")) <= LONGEST_SOCKET:
        return run
    return Path("/tmp", f"askpro-{os.geteuid()}-{digest(folder)}")  # noqa: S108 (owner checked)


def digest(folder: Path) -> str:
    """Return a short name for a folder."""
    return hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]


# --- joining -----------------------------------------------------------------------


def _is_given(name: str) -> bool:
    """Tell whether a variable is set, by value or by a file that holds it."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def _forget_inherited(var: Path, *, owner: bool) -> None:
    """Drop what a parent's servers left in the environment and we may not use."""
    marked = os.environ.get(MARKED, "").split()
    if os.environ.get(MARK, str(var)) != str(var):
        for name in [*marked, MARK, MARKED]:
            os.environ.pop(name, None)
    elif not owner and "DATABASE_OWNER_URL" in marked:
        os.environ.pop("DATABASE_OWNER_URL", None)


def _urls(var: Path, sockets: Path, *, owner: bool) -> dict[str, str]:
    """Return what names the servers; all logins go to the database already named."""
    kept, database, found = read_secrets(var), "askpro", {}
    given = urlsplit(os.environ.get("DATABASE_URL", ""))
    is_ours = parse_qs(given.query).get("host") == [str(sockets / "pg")]
    if is_ours:
        database = given.path.removeprefix("/")
    if is_ours or not _is_given("DATABASE_URL"):
        wanted = [n for n in LOGINS if owner or n != "DATABASE_OWNER_URL"]
        found = {n: url_of(LOGINS[n], kept, sockets, database) for n in wanted}
    return found | {"REDIS_URL": f"unix://{sockets / 'redis.sock'}?db=0"}


def _join(var: Path) -> Path:
    """Become a user of the folder's servers; return where their sockets lie."""
    is_new = var not in _memberships
    if is_new:
        # Waits while a supervisor that saw no user shuts down, then starts anew.
        _memberships[var] = _open(var, "users.lock")
        fcntl.flock(_memberships[var], fcntl.LOCK_SH)
    try:
        with _locked(var, "start.lock"):
            if not is_running(var):
                _start(var)
            return _sockets_when_ready(var)
    except BaseException:
        if is_new:
            os.close(_memberships.pop(var))
        raise


def _start(var: Path) -> None:
    """Start a supervisor that outlives us and belongs to no terminal."""
    make_folder(var / "log", 0o700)
    (var / "servers.json").unlink(missing_ok=True)
    read_secrets(var)
    with log_of(var, "supervisor").open("w") as log:
        subprocess.run(  # noqa: S603 (our own module)
            [sys.executable, "-m", "askpro.embedded_supervisor", str(var)],
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            check=False,
        )


def _sockets_when_ready(var: Path) -> Path:
    """Wait for the supervisor's word that both servers answer."""
    log = log_of(var, "supervisor")
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        state = _state(var)
        if state:
            return Path(state["sockets"])
        if not is_running(var):
            lines = log.read_text(errors="replace").strip().splitlines()
            raise EmbeddedError(lines[-1] if lines else f"No servers: see {log}.")
        time.sleep(0.05)
    raise EmbeddedError(f"The servers were not ready in {START_TIMEOUT_S:.0f} s: {log}")


def _state(var: Path) -> dict[str, str]:
    try:
        state: dict[str, str] = json.loads((var / "servers.json").read_text())
    except FileNotFoundError:
        return {}
    return state


def _wait(done: Callable[[], bool], complaint: str) -> None:
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while not done():
        if time.monotonic() > deadline:
            raise EmbeddedError(f"{complaint} in {STOP_TIMEOUT_S:.0f} s.")
        time.sleep(0.05)


def _open(var: Path, name: str) -> int:
    """Open a lock file, whose descriptor programs we start do not inherit."""
    try:
        if not var.exists():
            var.mkdir(parents=True, exist_ok=True)
            # The server's account must be able to pass where root starts it.
            var.chmod(0o711 if os.geteuid() == 0 else 0o700)
        return os.open(var / name, os.O_RDWR | os.O_CREAT, 0o600)
    except PermissionError as error:
        raise EmbeddedError(
            f"{error.filename} belongs to another user: set ASKPRO_VAR to a folder "
            "of your own, or set DATABASE_URL and REDIS_URL."
        ) from error


@contextmanager
def _locked(var: Path, name: str) -> Iterator[None]:
    """Let one process at a time into the block."""
    descriptor = _open(var, name)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
