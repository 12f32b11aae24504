"""The views in the database: made anew after each migration, so that they never lag.

They are gone while a migration runs, so that they never stand in its way. Their owner
can sign in nowhere and sees rows of one company only: the one that stands on the ticket
of the connection that asks. A ticket is written by the application, in that company's
scope; nothing that a query says can change it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from integrations.sql.views import SCHEMA, VIEWS
from tenants.rls import patiently

OWNER_ROLE = "askpro_views"
#: PostgreSQL's older versions know no way to grant a role without its rights.
_GRANTS_WITH_OPTIONS = 160_000

#: Changes with what the policies below say.
_VERSION = "1: the company of the ticket"

_TICKET = f"""
CREATE OR REPLACE FUNCTION {SCHEMA}.company() RETURNS uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $ticket$
DECLARE
    found uuid;
BEGIN
    SELECT company_id INTO found FROM public.sql_ticket
    WHERE token::text = current_setting('askpro.ticket', true)
        AND pid = pg_backend_pid();
    IF found IS NULL THEN
        RAISE EXCEPTION 'no ticket' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN found;
END
$ticket$
"""  # noqa: S608 (own text)


def drop(connection: BaseDatabaseWrapper) -> None:
    """Take the views away; what they read stays, and so do the policies."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT quote_ident(viewname) FROM pg_views WHERE schemaname = %s", [SCHEMA]
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP VIEW {SCHEMA}.{name} CASCADE")


def create(connection: BaseDatabaseWrapper) -> None:
    """Make schema, function, policies, views and rights; may be repeated.

    A table that has its policy already isn't locked: callers wait meanwhile.
    """
    quoted = connection.ops.quote_name
    reader = quoted(settings.DATABASES["reader"]["USER"])
    _make_owner(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        run = cursor.execute
        run(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        run(_TICKET)
        run(f"REVOKE ALL ON FUNCTION {SCHEMA}.company() FROM PUBLIC")
        run(f"GRANT USAGE ON SCHEMA public, {SCHEMA} TO {OWNER_ROLE}")
        run(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {reader}")
        # A view checks tables as its owner, but functions as whoever asks.
        run(f"GRANT EXECUTE ON FUNCTION {SCHEMA}.company() TO {OWNER_ROLE}, {reader}")
        _renew_policies(cursor)
        drop(connection)
        run(f"GRANT CREATE ON SCHEMA {SCHEMA} TO {OWNER_ROLE}")
        for view in VIEWS.values():
            name = f"{SCHEMA}.{quoted(view.name)}"
            run(f"CREATE VIEW {name} WITH (security_barrier) AS {view.statement}")
            run(f"GRANT SELECT ON {name} TO {reader}")
            run(f"ALTER VIEW {name} OWNER TO {OWNER_ROLE}")
        run(f"REVOKE CREATE ON SCHEMA {SCHEMA} FROM {OWNER_ROLE}")
        # What PostgreSQL gives to everybody the reader has no use for.
        run("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        database = quoted(connection.settings_dict["NAME"])
        run(f"REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC")


def _renew_policies(cursor: Any) -> None:
    """Let the views' owner see the ticket's company in what they read, and no more."""
    wanted = {table for view in VIEWS.values() for table in view.tables}
    cursor.execute(
        "SELECT c.relname, obj_description(p.oid, 'pg_policy')"
        " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
        " WHERE p.polname = 'views' AND c.relnamespace = 'public'::regnamespace"
    )
    found = dict(cursor.fetchall())
    for table in sorted(found.keys() - wanted):
        cursor.execute(f"DROP POLICY views ON {table}")
        cursor.execute(f"REVOKE ALL ON {table} FROM {OWNER_ROLE}")
    for table in sorted(wanted):
        if found.get(table) == _VERSION:
            continue
        cursor.execute(f"DROP POLICY IF EXISTS views ON {table}")
        cursor.execute(
            f"CREATE POLICY views ON {table} FOR SELECT TO {OWNER_ROLE}"
            f" USING (company_id = (SELECT {SCHEMA}.company()))"
        )
        cursor.execute(f"COMMENT ON POLICY views ON {table} IS '{_VERSION}'")
        cursor.execute(f"GRANT SELECT ON {table} TO {OWNER_ROLE}")


def _make_owner(connection: BaseDatabaseWrapper) -> None:
    """Make the role that owns the views, and let the owner of the tables act as it."""
    patiently(connection, f"CREATE ROLE {OWNER_ROLE} NOLOGIN")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int")
        has_options = cursor.fetchone()[0] >= _GRANTS_WITH_OPTIONS
    options = "WITH INHERIT FALSE, SET TRUE" if has_options else ""
    patiently(connection, f"GRANT {OWNER_ROLE} TO CURRENT_USER {options}")


def before_migrations(using: str, **_: Any) -> None:
    """Stand in no migration's way."""
    if _is_owners(using):
        drop(connections[using])


def after_migrations(using: str, **_: Any) -> None:
    """Show what the tables are by now."""
    if _is_owners(using):
        create(connections[using])


def _is_owners(using: str) -> bool:
    return using == ("owner" if "owner" in connections else "default")
