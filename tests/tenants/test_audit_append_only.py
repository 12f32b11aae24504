"""What was written into the trail stays as it is, whoever tries to change it."""

from __future__ import annotations

import os

import psycopg
import pytest
from django.db import DatabaseError, ProgrammingError, connection

from tenants.models import AuditEntry
from tenants.scoping import every_company, scope
from tests import factories as make

pytestmark = pytest.mark.django_db

REFUSED = "permission denied"


@pytest.fixture
def salon(_django_db_helper):
    return make.make_company("salon")


def entries() -> list[AuditEntry]:
    with every_company():
        return list(AuditEntry.objects.order_by("at"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE tenants_auditentry SET actor_name = 'x'",
        "DELETE FROM tenants_auditentry",
        "TRUNCATE tenants_auditentry",
        "SELECT * FROM tenants_auditentry FOR UPDATE",
        "ALTER TABLE tenants_company DISABLE TRIGGER audit_change",
        "DROP TRIGGER audit_change ON tenants_company",
        "DROP FUNCTION audit_row() CASCADE",
    ],
)
def test_no_role_of_the_application_changes_what_was_written(salon, statement):
    before = [(e.pk, e.actor_name, e.changes) for e in entries()]
    assert before

    def attempt() -> None:
        with (
            connection.cursor() as cursor,
            pytest.raises(DatabaseError, match=f"{REFUSED}|must be owner"),
        ):
            cursor.execute(statement)

    with scope(salon.pk):
        attempt()
    with every_company():
        attempt()
    with (
        psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as login,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        login.execute(statement)
    assert [(e.pk, e.actor_name, e.changes) for e in entries()] == before


def test_the_orm_neither(salon):
    entry = entries()[0]

    with every_company():
        with pytest.raises(ProgrammingError, match=REFUSED):
            entry.save()
        with pytest.raises(ProgrammingError, match=REFUSED):
            entry.delete()

    assert len(entries()) == 1
