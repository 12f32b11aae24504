"""Incident G5: tests and destructive commands can't touch production's data."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.core.management import CommandError, call_command, get_commands
from django.core.management import load_command_class as load
from django.db import connection, connections, transaction
from django.db.utils import ProgrammingError

from askpro.embedded import BASE_DIR
from tenants.management.refused import NotInProduction
from tenants.models import Company
from tenants.scoping import every_company, scope
from tests import guard
from tests.factories import make_company

pytestmark = pytest.mark.django_db

#: What empties, overwrites or invents data.
DESTRUCTIVE = {
    "bench",
    "demo",
    "flush",
    "loaddata",
    "sandbox_call",
    "test",
    "testserver",
}
#: Commands of others that production may run, and why they destroy nothing.
HARMLESS = {
    "changepassword": "one person's",
    "check": "reads",
    "clearsessions": "sessions that ended",
    "clearcache": "what can be found again",
    "collectstatic": "copies files",
    "compilemessages": "writes catalogues",
    "createcachetable": "the application's login may make no table",
    "createsuperuser": "adds one person",
    "dbshell": "the application's login sees nothing outside a scope",
    "diffsettings": "prints settings",
    "dumpdata": "the application's login sees nothing outside a scope",
    "findstatic": "reads",
    "generateschema": "prints",
    "inspectdb": "reads",
    "makemessages": "writes catalogues",
    "makemigrations": "writes code",
    "migrate": "forwards only, see below",
    "optimizemigration": "writes code",
    "remove_stale_contenttypes": "names of models that are gone",
    "runserver": "serves the same as web",
    "sendtestemail": "sends one mail",
    "shell": "the application's login sees nothing outside a scope",
    "showmigrations": "reads",
    "sqlflush": "prints",
    "sqlmigrate": "prints",
    "sqlsequencereset": "prints",
    "squashmigrations": "writes code",
    "startapp": "writes code",
    "startproject": "writes code",
}
OURS = ("askpro", "tenants", "bookings", "integrations", "webhooks")


def test_g5_destructive_commands_are_refused_in_production(settings):
    company = make_company()
    settings.IS_PRODUCTION = True
    arguments = {
        "loaddata": ["nothing.json"],
        "sandbox_call": ["--scenario", "all"],
        "flush": ["--no-input", "--database", "owner"],
    }

    for name in DESTRUCTIVE:
        with pytest.raises(CommandError, match="Production refuses"):
            call_command(name, *arguments.get(name, []))

    with every_company():
        assert list(Company.objects.all()) == [company]


def test_g5_every_command_of_others_is_known_as_harmless_or_refused():
    commands = get_commands()
    refused = {
        name
        for name, app in commands.items()
        if isinstance(load(app, name), NotInProduction)
    }
    strangers = {
        name
        for name, app in commands.items()
        if not app.startswith(OURS) and not app.startswith("allauth")
    }

    assert refused == DESTRUCTIVE
    assert strangers - set(HARMLESS) == set()


def test_g5_production_migrates_forwards_only(settings):
    settings.IS_PRODUCTION = True
    for target in ("zero", "0001"):
        with pytest.raises(CommandError, match="forwards only"):
            call_command("migrate", "bookings", target, verbosity=0)

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bookings_occupancy")
        assert cursor.fetchone() == (0,)


def execute(statement):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "TRUNCATE tenants_company CASCADE",
        "DROP TABLE tenants_company CASCADE",
        "ALTER TABLE tenants_company DISABLE ROW LEVEL SECURITY",
        "DROP POLICY company ON tenants_company",
        "DROP SCHEMA public CASCADE",
        "CREATE TABLE public.mine (id int)",
        "SET ROLE askpro_owner",
    ],
)
def test_g5_the_applications_login_can_destroy_nothing(statement):
    company = make_company()
    for opened in (every_company(), scope(company.pk)):
        with opened, pytest.raises(ProgrammingError):
            execute(statement)

    with every_company():
        assert list(Company.objects.all()) == [company]


@pytest.fixture
def live(django_db_setup):
    """A database with something in it, whose name is no test's."""
    name = f"live_{os.getpid()}"
    url = urlunsplit(
        urlsplit(os.environ["DATABASE_OWNER_URL"])._replace(path="/askpro")
    )
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        there = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
        try:
            with psycopg.connect(there, autocommit=True) as owner:
                owner.execute("CREATE TABLE kept AS SELECT 1 AS one")
                yield there, owner
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def run_tests(tmp_path, **more):
    """Start a test run as somebody would whose environment names real servers."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ASKPRO_", "DATABASE_", "REDIS_", "PYTEST_"))
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/askpro/test_floor.py"],
        cwd=BASE_DIR,
        env=environment | {"ASKPRO_VAR": str(tmp_path)} | more,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_g5_tests_refuse_servers_that_are_not_their_own(live, tmp_path):
    url, owner = live
    named = dict.fromkeys(guard.LOGINS, url) | {"REDIS_URL": os.environ["REDIS_URL"]}

    done = run_tests(tmp_path, **named)

    assert done.returncode != 0
    assert "no embedded server" in done.stdout + done.stderr
    assert "passed" not in done.stdout
    assert owner.execute("SELECT one FROM kept").fetchall() == [(1,)]


def test_g5_tests_refuse_to_run_in_production(live, tmp_path):
    url, owner = live
    named = dict.fromkeys(guard.LOGINS, url) | {"REDIS_URL": os.environ["REDIS_URL"]}

    done = run_tests(tmp_path, ASKPRO_MODE="production", **named)

    assert done.returncode != 0
    assert "passed" not in done.stdout
    assert owner.execute("SELECT one FROM kept").fetchall() == [(1,)]


def test_g5_only_a_database_of_a_test_is_emptied():
    guard.demand_test_database("test_askpro_0_1")

    for name in ("askpro", "live", "production_test", ""):
        with pytest.raises(guard.NotForTests):
            guard.demand_test_database(name)
