"""Whether this very database is what the migrations say."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_noop

from tenants.isolation.probes import Probes, walled_models
from tenants.isolation.ways import Attempt, way
from tenants.scoping import (
    COMPANY_ROLE,
    EVERY_ROLE,
    PROBES,
    WITH_PROBES,
    every_company,
)

_WALL = """
SELECT c.relrowsecurity AND c.relforcerowsecurity,
    ARRAY(SELECT polname::text FROM pg_policy p WHERE p.polrelid = c.oid
        AND p.polname <> 'views' ORDER BY 1),
    (SELECT pg_get_expr(polqual, polrelid) FROM pg_policy p
        WHERE p.polrelid = c.oid AND p.polname = 'company'),
    (SELECT pg_get_expr(polwithcheck, polrelid) FROM pg_policy p
        WHERE p.polrelid = c.oid AND p.polname = 'company')
FROM pg_class c WHERE c.oid = %s::regclass
"""
_EVERY = """
SELECT pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
FROM pg_policy WHERE polrelid = %s::regclass AND polname = 'every_company'
"""
_LOGIN = """
SELECT rolsuper OR rolbypassrls OR rolinherit OR rolcreaterole OR rolcreatedb
FROM pg_roles WHERE rolname = session_user
"""
_RIGHTS = "SELECT has_any_column_privilege(session_user, %s, 'SELECT, INSERT, UPDATE')"
_OWNED = """
SELECT count(*) FROM pg_class WHERE relkind = 'r'
    AND pg_has_role(session_user, relowner, 'MEMBER')
    AND relnamespace = 'public'::regnamespace
"""
_BOUND = """
SELECT count(*) FROM pg_constraint
WHERE conrelid = %s::regclass AND contype = 'f' AND cardinality(conkey) = 2
"""
_ROLES = """
SELECT bool_or(rolsuper OR rolbypassrls OR rolcanlogin) FROM pg_roles
WHERE rolname = ANY (%s)
"""


def _row(statement: str, *values: Any) -> tuple[object, ...]:
    with every_company(), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return tuple(cursor.fetchone())


def _says(expected: object, statement: str, *values: Any) -> bool:
    return _row(statement, *values) == (expected,)


def _is_walled(table: str, column: str, *, shares_null: bool) -> bool:
    mine = (
        f"({column} = (( SELECT current_setting('askpro.company'::text)"
        " AS current_setting))::uuid)"
    )
    policies = ["company", "every_company", "owner"]
    if shares_null:
        policies.append("shared")
    return _row(_WALL, table) == (True, policies, mine, mine)


def _leaves_probes_out(table: str, column: str) -> bool:
    """Who looks across companies meets no probe: lists and figures hold none."""
    one, other = PROBES
    listed = (
        f"(({column} IS NULL) OR ({column} <> ALL"
        f" (ARRAY['{one}'::uuid, '{other}'::uuid]))"
        " OR (( SELECT current_setting('askpro.company'::text, true)"
        f" AS current_setting) = '{WITH_PROBES}'::text))"
    )
    return _row(_EVERY, table) == (listed, listed)


@way(gettext_noop("the catalogue of this database"))
def catalogue(probes: Probes) -> Iterator[Attempt]:
    """Yield what holds the wall up: row security, policies, rights, foreign keys."""
    for model in walled_models():
        table = model._meta.db_table
        column = "id" if table == "tenants_company" else "company_id"
        shares_null = table == "tenants_provideraccount"
        yield (
            f"{table}: row security and policies",
            partial(_is_walled, table, column, shares_null=shares_null),
        )
        yield (
            f"{table}: the probes are in no list",
            partial(_leaves_probes_out, table, column),
        )
        yield (
            f"{table}: no right outside a scope",
            partial(_says, False, _RIGHTS, table),
        )
        bound = sum(
            getattr(field, "db_constraint", True) is False
            for field in model._meta.concrete_fields
        )
        if bound:
            yield (
                f"{table}: references stay within the company",
                partial(_says, bound, _BOUND, table),
            )
    yield "the login passes no wall", partial(_says, False, _LOGIN)
    yield "the login owns no table", partial(_says, 0, _OWNED)
    yield (
        "the two roles pass no wall",
        partial(_says, False, _ROLES, [COMPANY_ROLE, EVERY_ROLE]),
    )
    yield (
        "the application has no owner's login",
        lambda: not settings.IS_PRODUCTION or "owner" not in settings.DATABASES,
    )
