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

_TICKET = f"""
CREATE FUNCTION {SCHEMA}.company() RETURNS uuid
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
    """Take the views away; what they read stays."""
    with connection.cursor() as cursor:
        cursor.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")


def create(connection: BaseDatabaseWrapper) -> None:
    """Make schema, function, views, policies and rights; may be repeated."""
    quoted = connection.ops.quote_name
    reader = quoted(settings.DATABASES["reader"]["USER"])
    _make_owner(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        run = cursor.execute
        run(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
        run(f"CREATE SCHEMA {SCHEMA}")
        run(_TICKET)
        run(f"REVOKE ALL ON FUNCTION {SCHEMA}.company() FROM PUBLIC")
        run(f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO {OWNER_ROLE}")
        run(f"GRANT USAGE ON SCHEMA public, {SCHEMA} TO {OWNER_ROLE}")
        run(f"GRANT USAGE ON SCHEMA {SCHEMA} TO {reader}")
        # A view checks tables as its owner, but functions as whoever asks.
        run(f"GRANT EXECUTE ON FUNCTION {SCHEMA}.company() TO {OWNER_ROLE}, {reader}")
        for table in sorted(
            {table for view in VIEWS.values() for table in view.tables}
        ):
            run(f"DROP POLICY IF EXISTS views ON {table}")
            run(
                f"CREATE POLICY views ON {table} FOR SELECT TO {OWNER_ROLE}"
                f" USING (company_id = (SELECT {SCHEMA}.company()))"
            )
            run(f"GRANT SELECT ON {table} TO {OWNER_ROLE}")
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
