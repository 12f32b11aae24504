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
    "askpro_reader": "CONNECTION LIMIT 20",
}
#: Granted to the application's login, which acts as one of them at a time.
GROUPS = ("askpro_company", "askpro_every")
#: Functions for nobody but the wall's roles; docs/roles.sql says the same. Whoever may
#: run ``set_config`` can take a role; the others write, wait, hold locks, or reach the
#: sessions of others: the SQL tool's reader may run none.
RESTRICTED = (
    "^(set_config|pg_sleep.*|pg_(try_)?advisory_.*|lo_(?!import|export).*|loread"
    "|lowrite|pg_(cancel|terminate)_backend|pg_notify|pg_stat_get_activity"
    "|pg_stat_get_backend_activity|pg_export_snapshot|pg_logical_emit_message)$"
)
#: A second net below what the reader's connection asks for itself. Only a superuser can
#: bound temporary files, and keep what a query said out of the server's log.
READERS_LIMITS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "2s",
    "temp_file_limit": "64MB",
    "log_min_messages": "panic",
    "log_min_error_statement": "panic",
}


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
            _restrict(superuser)


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
    for name, value in READERS_LIMITS.items():
        superuser.execute(
            sql.SQL("ALTER ROLE askpro_reader SET {} = {}").format(
                sql.Identifier(name), sql.Literal(value)
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


def _restrict(superuser: psycopg.Connection) -> None:
    """Leave some functions to those who need them; new databases copy template1."""
    allowed = sql.SQL(", ").join(
        sql.Identifier(role) for role in ("askpro_owner", "askpro", *GROUPS)
    )
    superuser.execute(
        sql.SQL(
            """
            DO $do$
            DECLARE
                one regprocedure;
            BEGIN
                FOR one IN
                    SELECT oid FROM pg_proc WHERE proname ~ {names}
                    AND pronamespace = 'pg_catalog'::regnamespace
                LOOP
                    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', one);
                    EXECUTE format(
                        'GRANT EXECUTE ON FUNCTION %s TO pg_monitor, {roles}', one);
                END LOOP;
            END
            $do$
            """
        ).format(names=sql.Literal(RESTRICTED), roles=allowed)
    )


def _names(connection: psycopg.Connection, query: LiteralString) -> set[str]:
    return {name for (name,) in connection.execute(query)}
