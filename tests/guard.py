"""Tests make, empty and drop databases: only where nobody keeps anything.

Imports nothing of Django's, and is asked before anything is connected to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

#: Set to 1, it says that the servers named in the environment are for tests.
ALLOWED = "ASKPRO_TESTS_MAY_USE_THESE_SERVERS"
LOGINS = ("DATABASE_URL", "DATABASE_READER_URL", "DATABASE_OWNER_URL")
#: How each database begins that tests may make, empty or drop.
PREFIX = "test_"


class NotForTests(SystemExit):
    """The environment names servers that may hold somebody's data."""


def demand_test_servers(environment: Mapping[str, str], sockets: Path) -> None:
    """Let tests go on only at the embedded servers, or at servers made for them.

    :param sockets: where the embedded servers of this run listen.
    :raises NotForTests: nothing was connected to.
    """
    if environment.get("ASKPRO_MODE") == "production":
        raise NotForTests("ASKPRO_MODE is production: tests don't run there.")
    if environment.get(ALLOWED) == "1":
        return
    foreign = [
        name
        for name in (*LOGINS, "REDIS_URL")
        if not _is_embedded(environment.get(name, ""), sockets)
        or f"{name}_FILE" in environment
    ]
    if foreign:
        raise NotForTests(
            f"{', '.join(foreign)}: no embedded server. Tests empty what they find:"
            f" unset them, or set {ALLOWED}=1 if these servers are for tests alone."
        )


def _is_embedded(url: str, sockets: Path) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path == str(sockets / "redis.sock")
    is_bare = parts.hostname is None and parts.port is None
    return is_bare and parse_qs(parts.query).get("host") == [str(sockets / "pg")]


def demand_test_database(name: str) -> None:
    """Let a database be emptied only where its name says that it is a test's.

    :raises NotForTests: it was left alone.
    """
    if not name.startswith(PREFIX):
        raise NotForTests(f"{name!r} is no database of a test: it was left alone.")
