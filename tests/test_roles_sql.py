"""What docs/roles.sql makes is what the checks demand, and what `migrate` builds on."""

from __future__ import annotations

import os
import secrets
import subprocess

import psycopg
import pytest

from askpro import embedded, embedded_files
from askpro.embedded import BASE_DIR


@pytest.fixture
def made(django_db_setup):
    """The file, run as it is but for the names, which this server has already."""
    prefix = f"test_{os.getpid()}_{secrets.token_hex(2)}"
    url = embedded.superuser_url(embedded.var_folder())
    home = embedded_files.home(embedded.var_folder())
    psql = embedded_files.programs(home, embedded_files.account()) / "psql"
    text = (BASE_DIR / "docs" / "roles.sql").read_text().replace("askpro", prefix)
    passwords = {
        f"ASKPRO_{name}PASSWORD": secrets.token_hex(8)
        for name in ("", "OWNER_", "READER_")
    }
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {prefix}")
        there = url.replace("/postgres?", f"/{prefix}?")
        try:
            done = subprocess.run(
                [psql, there, "--quiet", "--no-psqlrc"],
                input=text,
                env=os.environ | passwords,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr
            with psycopg.connect(there, autocommit=True) as superuser:
                yield superuser, prefix
        finally:
            admin.execute(f"DROP DATABASE {prefix} WITH (FORCE)")
            for name in ("", "_reader", "_company", "_every", "_owner"):
                admin.execute(f"DROP ROLE IF EXISTS {prefix}{name}")


def test_set_config_is_for_the_wall_alone(made):
    superuser, prefix = made
    may = {
        name: superuser.execute(
            "SELECT has_function_privilege("
            "%s, 'pg_catalog.set_config(text, text, boolean)', 'EXECUTE')",
            [prefix + name],
        ).fetchone()[0]
        for name in ("", "_owner", "_company", "_every", "_reader")
    }

    assert may.pop("_reader") is False
    assert set(may.values()) == {True}


def test_the_application_inherits_nothing_and_the_owner_may_grant(made):
    superuser, prefix = made
    inherits = superuser.execute(
        "SELECT rolinherit OR rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb"
        " FROM pg_roles WHERE rolname = %s",
        [prefix],
    ).fetchone()

    assert inherits == (False,)
    superuser.execute(f"SET ROLE {prefix}_owner")
    for group in ("company", "every"):
        superuser.execute(f"GRANT {prefix}_{group} TO {prefix}")
    superuser.execute("CREATE TABLE one (id int)")
