"""Each check refuses the bad state itself, made for real, and nothing else."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from django.db import connections
from psycopg import sql

from askpro import embedded
from askpro.checks.start import of_a_server
from tenants.database.base import DatabaseWrapper

pytestmark = pytest.mark.django_db

TABLE = "bookings_customer"


@pytest.fixture
def production(settings):
    """Settings that production accepts."""
    settings.ASKPRO_MODE = "production"
    settings.IS_PRODUCTION = True
    settings.SECRET_KEY = secrets.token_urlsafe(48)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    settings.ALLOWED_HOSTS = ["askpro.example.com"]
    settings.PUBLIC_BASE_URL = "https://askpro.example.com"
    settings.TRUSTED_PROXY_COUNT = 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    return settings


def ids(*, databases=()):
    """Return the ids of our own messages."""
    found = run_checks(databases=list(databases))
    assert all(one.hint for one in found if (one.id or "").startswith("askpro."))
    return {one.id for one in found if (one.id or "").startswith("askpro.")}


@contextmanager
def superuser():
    url = embedded.superuser_url(embedded.var_folder())
    name = connections["default"].settings_dict["NAME"]
    with psycopg.connect(url, dbname=name, autocommit=True) as connection:
        yield connection


class Login:
    """A login of the test's own, made as docs/roles.sql makes the application's."""

    def __init__(self, admin):
        self.admin = admin
        self.name = f"test_login_{os.getpid()}_{secrets.token_hex(3)}"
        self.password = secrets.token_hex(16)
        self.run("CREATE ROLE {login} LOGIN NOINHERIT PASSWORD " + f"'{self.password}'")
        self.run("GRANT askpro_company, askpro_every TO {login}")
        self.run("GRANT USAGE ON SCHEMA public TO {login}")
        self.run(
            "GRANT EXECUTE ON FUNCTION"
            " pg_catalog.set_config(text, text, boolean) TO {login}"
        )

    def run(self, statement, **names):
        identifiers = {name: sql.Identifier(value) for name, value in names.items()}
        self.admin.execute(
            sql.SQL(statement).format(login=sql.Identifier(self.name), **identifiers)
        )

    def drop(self):
        self.run("DROP OWNED BY {login}")
        self.run("DROP ROLE {login}")


@pytest.fixture
def login(production, django_db_setup):
    """The process' own connection, by a login that a test may spoil."""
    usual = connections["default"]
    with superuser() as admin:
        made = Login(admin)
        options = dict(usual.settings_dict["OPTIONS"])
        options.pop("pool", None)
        told = {"USER": made.name, "PASSWORD": made.password, "OPTIONS": options}
        connections["default"] = DatabaseWrapper(usual.settings_dict | told, "default")
        try:
            yield made
        finally:
            connections["default"].close()
            connections["default"] = usual
            made.drop()


@pytest.fixture
def reader(login, production):
    """The SQL tool's login, by another one that a test may spoil."""
    made = Login(login.admin)
    made.run("REVOKE askpro_company, askpro_every FROM {login}")
    made.run(
        "REVOKE EXECUTE ON FUNCTION"
        " pg_catalog.set_config(text, text, boolean) FROM {login}"
    )
    usual = production.DATABASES["reader"]
    production.DATABASES["reader"] = usual | {"USER": made.name}
    try:
        yield made
    finally:
        production.DATABASES["reader"] = usual
        made.drop()


def test_what_is_fit_is_accepted(login, reader):
    assert ids(databases=["default"]) == set()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ASKPRO_MODE", "Production", "askpro.E018"),
        ("SECRET_KEY", "", "askpro.E001"),
        ("SECRET_KEY", "short", "askpro.E001"),
        ("SECRET_KEY", "ab" * 40, "askpro.E001"),
        ("SECRET_KEY", "unsafe: only for checks without a server", "askpro.E001"),
        ("SECRET_KEY", "django-insecure-" + "0123456789abcdef" * 4, "askpro.E001"),
        ("SECRET_KEY", "changeme" + "0123456789abcdef" * 4, "askpro.E001"),
        ("FIELD_ENCRYPTION_KEYS", [], "askpro.E002"),
        ("FIELD_ENCRYPTION_KEYS", [""], "askpro.E002"),
        ("FIELD_ENCRYPTION_KEYS", ["not a key"], "askpro.E010"),
        ("FIELD_ENCRYPTION_KEYS", ["MDAw" * 10 + "MDAwMDA="], "askpro.E010"),
        ("DEBUG", True, "askpro.E003"),
        ("ALLOWED_HOSTS", [], "askpro.E008"),
        ("ALLOWED_HOSTS", ["*"], "askpro.E008"),
        ("ALLOWED_HOSTS", ["askpro.example.com", " * "], "askpro.E008"),
        ("PUBLIC_BASE_URL", "http://askpro.example.com", "askpro.E009"),
        ("PUBLIC_BASE_URL", "https://elsewhere.example.com", "askpro.E009"),
        ("PUBLIC_BASE_URL", "", "askpro.E009"),
        ("TRUSTED_PROXY_COUNT", -1, "askpro.E017"),
        ("TRUSTED_PROXY_COUNT", 99, "askpro.E017"),
        ("TRUSTED_PROXY_COUNT", 0, "askpro.W002"),
    ],
)
def test_a_setting_that_suits_a_laptop_only_is_named(production, name, value, told):
    assert ids() == set()

    setattr(production, name, value)

    assert ids() == {told}


def test_the_key_of_the_fields_is_not_the_key_of_the_sessions(production):
    key = Fernet.generate_key().decode()
    production.SECRET_KEY = key
    production.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode(), key]

    assert ids() == {"askpro.E010"}


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ALTER ROLE {login} SUPERUSER", "askpro.E004"),
        ("ALTER ROLE {login} BYPASSRLS", "askpro.E004"),
        ("ALTER ROLE {login} INHERIT", "askpro.E004"),
        ("ALTER ROLE {login} CREATEROLE", "askpro.E012"),
        ("ALTER ROLE {login} CREATEDB", "askpro.E012"),
        ("ALTER ROLE {login} REPLICATION", "askpro.E012"),
        ("GRANT askpro_owner TO {login}", "askpro.E019"),
        ("GRANT pg_read_all_data TO {login}", "askpro.E019"),
        ("CREATE SCHEMA own AUTHORIZATION {login}", "askpro.E013"),
        ("GRANT SELECT ON {table} TO {login}", "askpro.E014"),
        ("GRANT TRUNCATE ON {table} TO {login}", "askpro.E014"),
        ("GRANT SELECT (phone) ON {table} TO {login}", "askpro.E014"),
    ],
)
def test_a_login_that_could_pass_the_wall_is_named(login, reader, statement, told):
    login.run(statement, table=TABLE)

    assert told in ids(databases=["default"])


def test_a_right_of_everybody_is_the_logins_too(login, reader):
    login.run("GRANT SELECT ON {table} TO PUBLIC", table=TABLE)
    try:
        found = ids(databases=["default"])
    finally:
        login.run("REVOKE SELECT ON {table} FROM PUBLIC", table=TABLE)

    assert {"askpro.E014", "askpro.E016"} <= found


def test_a_scope_that_could_empty_a_table_is_named(login, reader):
    login.run("GRANT TRUNCATE ON {table} TO askpro_every", table=TABLE)
    try:
        assert ids(databases=["default"]) == {"askpro.E014"}
    finally:
        login.run("REVOKE TRUNCATE ON {table} FROM askpro_every", table=TABLE)


def test_a_table_that_the_login_owns_is_named(login, reader):
    login.run("CREATE TABLE django_migrations_of_mine (id int)")
    try:
        assert "askpro.E015" in ids(databases=["default"])
        login.run("ALTER TABLE django_migrations_of_mine OWNER TO {login}")
        assert "askpro.E013" in ids(databases=["default"])
    finally:
        login.run("DROP TABLE django_migrations_of_mine")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER ROLE {login} SUPERUSER",
        "ALTER ROLE {login} BYPASSRLS",
        "ALTER ROLE {login} CREATEROLE",
        "GRANT askpro_every TO {login}",
        "GRANT SELECT ON {table} TO {login}",
        "GRANT SELECT (phone) ON {table} TO {login}",
        "GRANT DELETE ON {table} TO {login}",
        "GRANT CREATE ON SCHEMA public TO {login}",
        "GRANT EXECUTE ON FUNCTION pg_catalog.set_config(text, text, boolean)"
        " TO {login}",
        "GRANT EXECUTE ON FUNCTION pg_catalog.pg_cancel_backend(int) TO {login}",
    ],
)
def test_a_reader_that_could_do_more_is_named(login, reader, statement):
    reader.run(statement, table=TABLE)

    assert ids(databases=["default"]) == {"askpro.E016"}


def test_a_reader_may_read_views_in_a_schema_of_their_own(login, reader):
    reader.run("CREATE SCHEMA some_views")
    reader.run("CREATE VIEW some_views.one AS SELECT 1 AS one")
    reader.run("GRANT USAGE ON SCHEMA some_views TO {login}")
    reader.run("GRANT SELECT ON some_views.one TO {login}")
    try:
        assert ids(databases=["default"]) == set()
        reader.run("GRANT INSERT ON some_views.one TO {login}")
        assert ids(databases=["default"]) == {"askpro.E016"}
    finally:
        reader.run("DROP SCHEMA some_views CASCADE")


@pytest.mark.parametrize("name", ["nobody_of_this_name", None])
def test_a_reader_that_is_missing_or_the_application_is_named(login, production, name):
    usual = production.DATABASES["reader"]
    user = name or production.DATABASES["default"]["USER"]
    production.DATABASES["reader"] = usual | {"USER": user}
    try:
        assert ids(databases=["default"]) == {"askpro.E016"}
    finally:
        production.DATABASES["reader"] = usual


def test_a_process_that_serves_must_not_know_the_owner(production):
    assert {one.id for one in of_a_server()} == {"askpro.E011"}

    production.IS_PRODUCTION = False
    assert of_a_server() == []
