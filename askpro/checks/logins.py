"""Whether the application's database login could reach past the wall."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from tenants import rls
from tenants.scoping import COMPANY_ROLE, EVERY_ROLE

HINT = "Use a NOINHERIT login as in docs/roles.sql, and run `migrate` once more."
ROLES = (COMPANY_ROLE, EVERY_ROLE)

_ATTRIBUTES = """
SELECT rolsuper OR rolbypassrls OR rolinherit,
    rolcreaterole OR rolcreatedb OR rolreplication
FROM pg_roles WHERE rolname = session_user
"""
#: What it may become beside the two roles of the wall, by whatever way.
_OTHER_ROLES = """
SELECT rolname FROM pg_roles
WHERE rolname <> session_user AND rolname <> ALL (%s)
    AND pg_has_role(session_user, oid, 'MEMBER') AND NOT (
        SELECT rolsuper FROM pg_roles WHERE rolname = session_user)
"""
_OWNED = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relowner = ANY (
        SELECT oid FROM pg_roles WHERE rolname = session_user OR rolname = ANY (%s))
    AND n.nspname NOT LIKE 'pg\\_%%'
UNION ALL
SELECT n.nspname FROM pg_namespace n JOIN pg_roles r ON r.oid = n.nspowner
WHERE r.rolname = session_user OR r.rolname = ANY (%s)
UNION ALL
SELECT d.datname FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba
WHERE d.datname = current_database()
    AND (r.rolname = session_user OR r.rolname = ANY (%s))
"""
#: Walled tables on which the login has a right outside a scope: its own, or PUBLIC's.
_RIGHTS = """
SELECT c.relname FROM pg_class c
WHERE c.relkind IN ('r', 'p') AND c.relforcerowsecurity AND (
    has_table_privilege(session_user, c.oid,
        'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER')
    OR has_any_column_privilege(session_user, c.oid,
        'SELECT, INSERT, UPDATE, REFERENCES'))
"""
#: Tables of ours that the login, or a role that it may take, could empty at a stroke.
_TRUNCATES = """
SELECT DISTINCT c.relname FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_roles r ON r.rolname = session_user OR r.rolname = ANY (%s)
WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    AND has_table_privilege(r.oid, c.oid, 'TRUNCATE')
"""


@register(Tags.database)
def production_logins(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """Refuse a login that could see through the wall, or take it down."""
    if not settings.IS_PRODUCTION or "default" not in (databases or ()):
        return []
    found = [*_attributes(), *_roles(), *_belongings(), *_rights()]
    forgotten = rls.unlisted_tables(connections["default"])
    if forgotten:
        found.append(
            Error(
                f"Neither walled nor listed as global: {_names(forgotten)}.",
                "Run `migrate`; a table of your own belongs in a schema of its own.",
                id="askpro.E015",
            )
        )
    return found


def _attributes() -> Iterator[CheckMessage]:
    ((sees_through, is_mighty),) = _rows(_ATTRIBUTES)
    if sees_through:
        yield Error(
            "The application's database login could see every company's rows.",
            HINT,
            id="askpro.E004",
        )
    elif is_mighty:
        yield Error(
            "The application's database login may make roles or databases.",
            HINT,
            id="askpro.E012",
        )


def _roles() -> Iterator[CheckMessage]:
    others = [row[0] for row in _rows(_OTHER_ROLES, list(ROLES))]
    if others:
        yield Error(
            f"The application's database login may become {_names(others)}.",
            f"REVOKE what it was granted. {HINT}",
            id="askpro.E019",
        )


def _belongings() -> Iterator[CheckMessage]:
    owned = [row[0] for row in _rows(_OWNED, *[list(ROLES)] * 3)]
    if owned:
        yield Error(
            f"The application's database login owns {_names(owned)}: whoever owns a"
            " table may take its wall down.",
            "Give all of it to the owner's login: REASSIGN OWNED BY … TO …",
            id="askpro.E013",
        )


def _rights() -> Iterator[CheckMessage]:
    open_tables = {row[0] for row in _rows(_RIGHTS)}
    open_tables |= {row[0] for row in _rows(_TRUNCATES, list(ROLES))}
    if open_tables:
        yield Error(
            "The application's database login has rights that it must not have on"
            f" {_names(open_tables)}.",
            HINT,
            id="askpro.E014",
        )


def _rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, values or None)
        return list(cursor.fetchall())


def _names(found: Any) -> str:
    """Return some names of many."""
    names = sorted(found)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if names[3:] else "")
