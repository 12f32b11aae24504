"""What docs/roles.sql makes is what the checks demand, and what `migrate` builds on."""

from __future__ import annotations

import os
import secrets
import subprocess

import psycopg
import pytest

from askpro import embedded, embedded_files
from askpro.embedded import BASE_DIR
from askpro.embedded_roles import READERS_LIMITS, RESTRICTED


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


def _may_run(superuser, role):
    return {
        name
        for (name,) in superuser.execute(
            "SELECT proname FROM pg_proc WHERE proname ~ %s"
            " AND pronamespace = 'pg_catalog'::regnamespace"
            " AND has_function_privilege(%s, oid, 'EXECUTE')",
            [RESTRICTED, role],
        )
    }


def test_what_could_harm_is_for_the_wall_alone(made):
    superuser, prefix = made
    every = _may_run(superuser, "postgres")

    assert {"set_config", "pg_sleep", "pg_cancel_backend", "lo_create"} <= every
    assert not every & {"lo_import", "lo_export", "now"}
    assert _may_run(superuser, f"{prefix}_reader") == set()
    for name in ("", "_owner", "_company", "_every"):
        assert _may_run(superuser, prefix + name) == every


def test_the_readers_login_is_limited_from_outside_too(made):
    superuser, prefix = made
    found = superuser.execute(
        "SELECT rolconnlimit, setconfig FROM pg_roles r"
        " JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE rolname = %s",
        [f"{prefix}_reader"],
    ).fetchone()

    assert found == (20, [f"{name}={v}" for name, v in READERS_LIMITS.items()])


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
