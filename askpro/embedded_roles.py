"""The logins and the database of the embedded PostgreSQL, made or mended."""

from __future__ import annotations

from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from askpro.embedded import url_of

LOGINS = {
    "askpro_owner": "CREATEROLE CREATEDB",
    "askpro": "NOINHERIT",
    "askpro_reader": "",
}
#: Granted to the application's login, which acts as one of them at a time.
GROUPS = ("askpro_company", "askpro_every")
#: Whoever may run it can take a role: the SQL tool's reader may not.
SET_CONFIG = sql.SQL("FUNCTION pg_catalog.set_config(text, text, boolean)")


def bootstrap(sockets: Path, kept: dict[str, str]) -> None:
    """Make the logins, the groups and the database; a second time changes nothing."""

    def connect(login: str, database: str) -> psycopg.Connection:
        url = url_of(login, kept, sockets, database)
        return psycopg.connect(url, autocommit=True)

    with connect("postgres", "postgres") as superuser:
        _make_logins(superuser, kept)
    with connect("askpro_owner", "postgres") as owner:
        # By the owner, who may thereby grant them again.
        _make_groups(owner)
        if "askpro" not in _names(owner, "SELECT datname FROM pg_database"):
            owner.execute("CREATE DATABASE askpro")
    for database in ("template1", "askpro"):
        with connect("postgres", database) as superuser:
            _restrict_set_config(superuser)


def _make_logins(superuser: psycopg.Connection, kept: dict[str, str]) -> None:
    roles = _names(superuser, "SELECT rolname FROM pg_roles")
    for login, rights in LOGINS.items():
        superuser.execute(
            sql.SQL("{} ROLE {} LOGIN {} PASSWORD {}").format(
                sql.SQL("ALTER" if login in roles else "CREATE"),
                sql.Identifier(login),
                sql.SQL(rights),
                sql.Literal(kept[login]),
            )
        )


def _make_groups(owner: psycopg.Connection) -> None:
    roles = _names(owner, "SELECT rolname FROM pg_roles")
    for group in GROUPS:
        if group not in roles:
            owner.execute(
                sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(group))
            )
        owner.execute(sql.SQL("GRANT {} TO askpro").format(sql.Identifier(group)))


def _restrict_set_config(superuser: psycopg.Connection) -> None:
    """Leave ``set_config`` to those who need it; new databases copy template1."""
    allowed = sql.SQL(", ").join(
        sql.Identifier(role) for role in ("askpro_owner", "askpro", *GROUPS)
    )
    superuser.execute(sql.SQL("REVOKE EXECUTE ON {} FROM PUBLIC").format(SET_CONFIG))
    superuser.execute(sql.SQL("GRANT EXECUTE ON {} TO {}").format(SET_CONFIG, allowed))


def _names(connection: psycopg.Connection, query: LiteralString) -> set[str]:
    return {name for (name,) in connection.execute(query)}
