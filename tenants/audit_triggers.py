"""The audit trail of business rows, written by the database itself.

Used by migrations. A trigger sees what the ORM's signals miss: bulk updates, raw SQL,
cascades, psql. It runs as whoever changes the row, so that the wall holds for the entry
as for the row: in one company's scope nothing can be written into another's trail.

What is audited is what people set up and agree on. The logs are not, for each is a
trail itself and only appended to, or follows from an audited row: Call, Offer and
Occupancy (a call and the times that were spoken and held in it), AppointmentChange,
Notification, ToolCall, ProviderRequest, WebhookLog and what hangs on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from tenants.scoping import EVERY_ROLE

#: Younger entries can't be deleted by anybody but the tables' owner.
YOUNGEST_DAYS = 30

#: Arguments: the company's column, hidden columns, quiet columns.
_AUDIT_ROW = """
CREATE OR REPLACE FUNCTION audit_row() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $audit$
DECLARE
    hidden CONSTANT text[] := TG_ARGV[1];
    quiet CONSTANT text[] := TG_ARGV[2];
    before CONSTANT jsonb := coalesce(to_jsonb(OLD), '{}') - quiet;
    after CONSTANT jsonb := coalesce(to_jsonb(NEW), '{}') - quiet;
    told jsonb;
    who jsonb;
    owner uuid;
BEGIN
    IF before = after THEN
        RETURN NULL;
    END IF;
    SELECT jsonb_object_agg(name, CASE WHEN name = ANY (hidden) THEN 'true'::jsonb
        ELSE jsonb_build_array(before -> name, after -> name) END)
    INTO told
    FROM jsonb_object_keys(before || after) AS name
    WHERE before -> name IS DISTINCT FROM after -> name
        -- A whole row: whose it is stands beside, and what is empty tells nothing.
        AND (TG_OP = 'UPDATE' OR name NOT IN ('id', TG_ARGV[0])
            AND coalesce(before -> name, after -> name)
                NOT IN ('null', '""', '[]', '{}'));
    owner := (CASE TG_OP WHEN 'DELETE' THEN before ELSE after END) ->> TG_ARGV[0];
    IF TG_ARGV[0] = 'id' AND TG_OP = 'DELETE' THEN
        owner := NULL;  -- no trail can belong to a company that is gone
    END IF;
    -- Nobody told it: the owner's migrations, or a person at psql.
    who := coalesce(nullif(current_setting('askpro.actor', true), '')::jsonb,
        jsonb_build_object('name', session_user));
    INSERT INTO tenants_auditentry (id, company_id, at, actor, actor_name, address,
        correlation_id, action, subject, subject_id, changes)
    VALUES (
        -- A UUID of version 7, as the code makes them: time first.
        encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
            substring(int8send(floor(extract(epoch FROM clock_timestamp()) * 1000)
            ::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid,
        owner,
        clock_timestamp(),
        coalesce(who ->> 'kind', 'system'),
        left(coalesce(who ->> 'name', ''), 160),
        (who ->> 'address')::inet,
        left(coalesce(who ->> 'correlation_id', ''), 120),
        CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed'
            ELSE 'deleted' END,
        TG_TABLE_NAME,
        coalesce(after ->> 'id', before ->> 'id', ''),
        coalesce(told, '{}'));
    RETURN NULL;
END $audit$
"""

#: The only way in which the application gets rid of entries, and only of old ones.
_AUDIT_EXPIRE = f"""
CREATE OR REPLACE FUNCTION audit_expire(older_than timestamptz, batch integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp AS $audit$
DECLARE
    gone integer;
BEGIN
    IF older_than IS NULL OR older_than > now() - interval '{YOUNGEST_DAYS} days' THEN
        RAISE EXCEPTION 'audit entries live {YOUNGEST_DAYS} days at least'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM tenants_auditentry WHERE id IN (
        SELECT id FROM tenants_auditentry WHERE at < older_than LIMIT batch);
    GET DIAGNOSTICS gone = ROW_COUNT;
    RETURN gone;
END $audit$
"""  # noqa: S608 (own text)


class CreateAudit(Operation):
    """Make the trigger's function, and the one that forgets what is old enough."""

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
        """Create them; let nobody call them who need not."""
        expire = "FUNCTION audit_expire(timestamptz, integer)"
        for statement in (
            _AUDIT_ROW,
            "REVOKE ALL ON FUNCTION audit_row() FROM PUBLIC",
            _AUDIT_EXPIRE,
            f"REVOKE ALL ON {expire} FROM PUBLIC",
            f"GRANT EXECUTE ON {expire} TO {EVERY_ROLE}",
        ):
            schema_editor.execute(statement)

    def database_backwards(self, *arguments: Any) -> None:
        """Drop them."""
        schema_editor: BaseDatabaseSchemaEditor = arguments[1]
        schema_editor.execute("DROP FUNCTION audit_expire(timestamptz, integer)")
        schema_editor.execute("DROP FUNCTION audit_row()")

    def describe(self) -> str:
        """Return what is done."""
        return "Create the functions of the audit trail"


class Audited(Operation):
    """Have every change of a model's rows written into the audit trail.

    :param column: which one names the company.
    :param hidden: columns with a person's data or a secret: only that they changed is
        told, never what they were or are.
    :param quiet: columns of no interest: leases, tries, last uses. What changes nothing
        else leaves no entry.
    """

    reversible = True

    def __init__(
        self,
        name: str,
        *,
        column: str = "company_id",
        hidden: Iterable[str] = (),
        quiet: Iterable[str] = (),
    ) -> None:
        self.name = name
        self.column = column
        self.hidden = list(hidden)
        self.quiet = list(quiet)

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """Change no model."""

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Attach the triggers.

        :raises LookupError: the table has no such column; nothing was attached.
        """
        model = to_state.apps.get_model(app_label, self.name)
        columns = {field.column for field in model._meta.concrete_fields}
        if unknown := {self.column, *self.hidden, *self.quiet} - columns:
            raise LookupError(f"{self.name} has no column {', '.join(unknown)}")
        given = ", ".join(
            f"'{text}'"
            for text in (self.column, _array(self.hidden), _array(self.quiet))
        )
        table = model._meta.db_table
        schema_editor.execute(
            f"CREATE TRIGGER audit_whole_row AFTER INSERT OR DELETE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION audit_row({given})"
        )
        schema_editor.execute(
            f"CREATE TRIGGER audit_change AFTER UPDATE ON {table} FOR EACH ROW"
            " WHEN (OLD.* IS DISTINCT FROM NEW.*)"
            f" EXECUTE FUNCTION audit_row({given})"
        )

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Take the triggers away; what they wrote stays."""
        table = from_state.apps.get_model(app_label, self.name)._meta.db_table
        for trigger in ("audit_whole_row", "audit_change"):
            schema_editor.execute(f"DROP TRIGGER {trigger} ON {table}")

    def describe(self) -> str:
        """Return what is done."""
        return f"Audit {self.name}"


def _array(columns: list[str]) -> str:
    return "{" + ",".join(columns) + "}"
