"""Incident G5: a backup is restored, and what comes back is compared."""

from __future__ import annotations

import json
import os
from io import StringIO

import psycopg
import pytest
from django.core.management import CommandError, call_command

from tests.factories import make_branch, make_call, make_company, make_customer

pytestmark = [pytest.mark.django_db, pytest.mark.proof]


def drilled():
    out = StringIO()
    call_command("backup_drill", "--json", stdout=out)
    return json.loads(out.getvalue())


def left_over():
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        found = owner.execute(
            "SELECT count(*) FROM pg_database WHERE datname LIKE 'askpro_drill_%'"
        )
        return found.fetchone()[0]


def test_g5_backups_are_restored_in_a_drill():
    for _ in range(2):
        branch = make_branch(company=make_company())
        make_customer(company=branch.company)
        make_call(branch=branch)

    report = drilled()

    assert report["faults"] == []
    assert report["rows"] >= 8
    assert report["tables"] > 30
    assert left_over() == 0


def test_g5_a_backup_that_lacks_rows_is_none():
    make_branch(company=make_company())
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True) as owner:
        # Without it the owner's dump leaves out every row, and says nothing.
        owner.execute("DROP POLICY owner ON tenants_branch")
        try:
            with pytest.raises(CommandError, match="tenants_branch"):
                drilled()
        finally:
            owner.execute(
                "CREATE POLICY owner ON tenants_branch TO CURRENT_USER"
                " USING (true) WITH CHECK (true)"
            )
    assert left_over() == 0
