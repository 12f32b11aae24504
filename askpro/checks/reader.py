"""Whether the reader's database login could do more than read its views."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

from askpro.embedded_roles import RESTRICTED

_ATTRIBUTES = """
SELECT rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication
FROM pg_roles WHERE rolname = %s
"""
_ROLES = """
SELECT 1 FROM pg_roles WHERE rolname <> %s AND pg_has_role(%s, oid, 'MEMBER') LIMIT 1
"""
_RUNS = """
SELECT DISTINCT proname FROM pg_proc
WHERE pronamespace = 'pg_catalog'::regnamespace AND proname ~ %s
    AND has_function_privilege(%s, oid, 'EXECUTE')
ORDER BY proname
"""
#: Whatever of ours it may touch, except for reading views outside of `public`.
_REACHES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%%'
    AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND (
        has_table_privilege(%s, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_any_column_privilege(%s, c.oid, 'INSERT, UPDATE, REFERENCES')
        OR (has_any_column_privilege(%s, c.oid, 'SELECT')
            AND NOT (c.relkind = 'v' AND n.nspname <> 'public'))
    )
UNION ALL
SELECT nspname FROM pg_namespace
WHERE nspname NOT LIKE 'pg\\_%%' AND has_schema_privilege(%s, oid, 'CREATE')
"""


@register(Tags.database)
def production_reader(
    app_configs: Sequence[AppConfig] | None,
    databases: Sequence[str] | None = None,
    **_: Any,
) -> list[CheckMessage]:
    """Refuse a reader that could write, change its role or read past its views."""
    if not settings.IS_PRODUCTION or "default" not in (databases or ()):
        return []
    reader = settings.DATABASES["reader"]["USER"]
    faults = list(_faults(reader))
    if not faults:
        return []
    return [
        Error(
            f"The SQL tool's database login {reader!r} {faults[0]}.",
            "Set DATABASE_READER_URL to the login of docs/roles.sql, run the end of"
            " that file as PostgreSQL's superuser, then `migrate`.",
            id="askpro.E016",
        )
    ]


def _faults(reader: str) -> Iterator[str]:
    if reader == settings.DATABASES["default"]["USER"]:
        yield "is the application's own"
        return
    attributes = _rows(_ATTRIBUTES, reader)
    if not attributes:
        yield "does not exist"
        return
    if attributes[0][0]:
        yield "may do what an administrator may"
    elif _rows(_ROLES, reader, reader):
        yield "may act as another role"
    runs = [row[0] for row in _rows(_RUNS, RESTRICTED, reader)]
    if runs:
        yield f"may call {', '.join(runs[:3])}"
    reached = [row[0] for row in _rows(_REACHES, *[reader] * 4)]
    if reached:
        yield f"has rights on {', '.join(sorted(reached)[:3])}"


def _rows(statement: str, *values: Any) -> list[tuple[Any, ...]]:
    with connections["default"].cursor() as cursor:
        cursor.execute(statement, values)
        return list(cursor.fetchall())
