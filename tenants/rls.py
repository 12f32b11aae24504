"""The wall between companies: roles, policies and composite foreign keys.

Used by migrations. ``grant`` is repeated after each migration, so that no table can
be forgotten: one that is neither walled nor listed here stops the migration.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
from django.conf import settings
from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.utils import DatabaseError

from tenants.scoping import COMPANY_ROLE, EVERY_ROLE, PROBES, WITH_PROBES

#: Tables without a company and why; a name that ends in "_" stands for all that
#: begin with it.
GLOBAL_TABLES = {
    "auth_": "people sign in before their company is known; operators only",
    "account_": "e-mail addresses of people who sign in; operators only",
    "mfa_": "second factors of people who sign in; read by the sign-in alone",
    "usersessions_": "sessions of people who sign in, each shown to its own person",
    "tenants_isolationrun": "results of the break-in test: ways, never a row",
    "django_session": "sessions, opened before the company is known",
    "django_content_type": "names of our own models",
    "django_migrations": "which migrations ran",
    "django_admin_log": "switched off and empty",
    "django_celery_beat_": "the code's own schedule",
    "sandbox_": "the sandbox's state: a stranger's, with invented people",
}

#: Walled tables in which nobody of the application changes or deletes a row, and why.
APPEND_ONLY = {
    "tenants_auditentry": "the audit trail: audit_expire() alone forgets old entries",
    "bookings_appointmentchange": "who changed an appointment, and why",
}
#: Global tables that a company may look at, and never write.
READ_ONLY = {"tenants_isolationrun"}

#: Changes with what the policies below say.
_VERSION = "2: the probes are in no list"


class CreateRoles(Operation):
    """Make the two roles of the wall, and let the application's login take them.

    Roles belong to the whole server: parallel migrations of several databases race
    here, so what exists is taken as done. They are never dropped.
    """

    reversible = True

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change no model."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Create, then grant."""
        login = schema_editor.quote_name(settings.DATABASES["default"]["USER"])
        for role in (COMPANY_ROLE, EVERY_ROLE):
            patiently(schema_editor.connection, f"CREATE ROLE {role} NOLOGIN")
            patiently(schema_editor.connection, f"GRANT {role} TO {login}")

    def database_backwards(self, *arguments: Any) -> None:
        """Leave the roles: other databases use them."""

    def describe(self) -> str:
        """Return what is done."""
        return "Create the roles of the wall"


def patiently(connection: BaseDatabaseWrapper, statement: str) -> None:
    """Run a statement about roles, while others may be running the same.

    :raises DatabaseError: it failed for another reason, or again and again.
    """
    for _ in range(20):
        try:
            # A savepoint: a failed try must not end the migration's transaction.
            with (
                transaction.atomic(using=connection.alias),
                connection.cursor() as cursor,
            ):
                cursor.execute(
                    f"DO $do$ BEGIN {statement}; EXCEPTION WHEN duplicate_object"
                    " OR unique_violation THEN NULL; END $do$"
                )
        except DatabaseError as error:
            if not isinstance(error.__cause__, psycopg.errors.InternalError_):
                raise
            time.sleep(0.05)  # "tuple concurrently updated": somebody else grants
        else:
            return
    raise DatabaseError(f"could not run: {statement}")


class Walled(Operation):
    """Put a model's table behind the wall and bind its references to its company."""

    reversible = True

    def __init__(
        self, name: str, *, column: str = "company_id", shares_null: bool = False
    ) -> None:
        self.name = name
        self.column = column
        self.shares_null = shares_null

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change no model."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Enable and force row security; add policies and foreign keys."""
        model = to_state.apps.get_model(app_label, self.name)
        table = model._meta.db_table
        for statement in (
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
            *_policies(table, self.column),
        ):
            schema_editor.execute(statement)
        if self.shares_null:
            schema_editor.execute(
                f"CREATE POLICY shared ON {table} FOR SELECT TO {COMPANY_ROLE}"
                f" USING ({self.column} IS NULL)"
            )
        if _is_owned(model):
            schema_editor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {table}_of_company"
                " UNIQUE (company_id, id)"
            )
        for name, statement in self._foreign_keys(model):
            schema_editor.execute(
                f"ALTER TABLE {table} ADD CONSTRAINT {name} {statement}"
            )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Take the wall down."""
        model = from_state.apps.get_model(app_label, self.name)
        table = model._meta.db_table
        for name, _ in self._foreign_keys(model):
            schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
        if _is_owned(model):
            schema_editor.execute(
                f"ALTER TABLE {table} DROP CONSTRAINT {table}_of_company CASCADE"
            )
        for policy in ("owner", "company", "every_company", "shared", "views"):
            schema_editor.execute(f"DROP POLICY IF EXISTS {policy} ON {table}")
        schema_editor.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")

    @staticmethod
    def _foreign_keys(model: type[models.Model]) -> Iterator[tuple[str, str]]:
        for field in model._meta.concrete_fields:
            if isinstance(field, models.ForeignKey) and not field.db_constraint:  # type: ignore[attr-defined]
                target = field.remote_field.model._meta.db_table
                yield (
                    f"{model._meta.db_table}_{field.name}_of_company",
                    f"FOREIGN KEY (company_id, {field.column})"
                    f" REFERENCES {target} (company_id, id)"
                    " DEFERRABLE INITIALLY DEFERRED",
                )

    def describe(self) -> str:
        """Return what is done."""
        return f"Wall {self.name} by company"


def _policies(table: str, column: str) -> list[str]:
    """Return what makes a table's policies: who sees which rows."""
    mine = f"{column} = (SELECT current_setting('askpro.company'))::uuid"
    probes = ", ".join(f"'{probe}'" for probe in PROBES)
    listed = (
        f"{column} IS NULL OR {column} NOT IN ({probes})"
        f" OR (SELECT current_setting('askpro.company', true)) = '{WITH_PROBES}'"
    )
    return [
        # Without it FORCE lets the owner's data migrations update nothing.
        f"CREATE POLICY owner ON {table} TO CURRENT_USER"
        " USING (true) WITH CHECK (true)",
        f"CREATE POLICY company ON {table} TO {COMPANY_ROLE}"
        f" USING ({mine}) WITH CHECK ({mine})",
        f"CREATE POLICY every_company ON {table} TO {EVERY_ROLE}"
        f" USING ({listed}) WITH CHECK ({listed})",
        f"COMMENT ON POLICY every_company ON {table} IS '{_VERSION}'",
    ]


def _renew_policies(connection: BaseDatabaseWrapper) -> None:
    """Make the policies of every walled table what they are here.

    Migrations aren't changed once they ran; so a table that an older one walled is
    brought up to date, and one that is so already isn't locked.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, obj_description(p.oid, 'pg_policy')"
            " FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid"
            " WHERE p.polname = 'every_company'"
        )
        versions = dict(cursor.fetchall())
        for table in sorted(walled_tables(connection)):
            if versions.get(table) == _VERSION:
                continue
            column = "id" if table == "tenants_company" else "company_id"
            for policy in ("owner", "company", "every_company"):
                cursor.execute(f"DROP POLICY IF EXISTS {policy} ON {table}")
            for statement in _policies(table, column):
                cursor.execute(statement)


def _is_owned(model: type[models.Model]) -> bool:
    """Tell whether each row has a company and an id, so that others may refer to it."""
    fields = {field.column: field for field in model._meta.concrete_fields}
    return "id" in fields and "company_id" in fields and not fields["company_id"].null


def walled_tables(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the tables whose row security is forced."""
    return _tables(connection, "AND c.relforcerowsecurity AND c.relrowsecurity")


def unlisted_tables(connection: BaseDatabaseWrapper) -> set[str]:
    """Return the tables that are neither walled nor listed as global."""
    return {
        table
        for table in _tables(connection, "") - walled_tables(connection)
        if not is_global(table)
    }


def is_global(table: str) -> bool:
    """Tell whether a table is listed in :data:`GLOBAL_TABLES`."""
    beginnings = tuple(name for name in GLOBAL_TABLES if name.endswith("_"))
    return table in GLOBAL_TABLES or table.startswith(beginnings)


def _tables(connection: BaseDatabaseWrapper, condition: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_namespace n"  # noqa: S608 (own text)
            " ON n.oid = c.relnamespace WHERE n.nspname = current_schema()"
            f" AND c.relkind IN ('r', 'p') {condition}"
        )
        return {row[0] for row in cursor.fetchall()}


def grant(connection: BaseDatabaseWrapper) -> None:
    """Give the roles what they may, and nothing else; may be repeated.

    :raises RuntimeError: a table is neither walled nor global; nothing was granted.
    """
    forgotten = unlisted_tables(connection)
    if forgotten:
        raise RuntimeError(
            f"Neither walled nor in GLOBAL_TABLES: {', '.join(sorted(forgotten))}."
            " Add rls.Walled(...) to the migration, or the table with its reason."
        )
    login = connection.ops.quote_name(settings.DATABASES["default"]["USER"])
    roles = f"{COMPANY_ROLE}, {EVERY_ROLE}"
    with transaction.atomic(using=connection.alias):
        _renew_policies(connection)
    walled = walled_tables(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {roles}, {login}")
        for table in sorted(_tables(connection, "")):
            cursor.execute(f"REVOKE ALL ON {table} FROM {roles}, {login}, PUBLIC")
            for rights, to in _rights(table, is_walled=table in walled, login=login):
                cursor.execute(f"GRANT {rights} ON {table} TO {to}")
        cursor.execute(
            f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {roles}, {login}"
        )


def _rights(table: str, *, is_walled: bool, login: str) -> Iterator[tuple[str, str]]:
    roles = f"{COMPANY_ROLE}, {EVERY_ROLE}"
    every = "SELECT, INSERT, UPDATE, DELETE"
    if table in APPEND_ONLY:
        yield "SELECT, INSERT", roles
    elif table in READ_ONLY:
        yield "SELECT", f"{COMPANY_ROLE}, {login}"
        yield every, EVERY_ROLE
    else:
        yield every, roles if is_walled else f"{roles}, {login}"
