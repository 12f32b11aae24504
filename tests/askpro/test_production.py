"""A production installation begins with an empty database."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from cryptography.fernet import Fernet

from askpro.embedded import BASE_DIR

NAME = f"test_production_{os.getpid()}"


def named(variable):
    return urlunsplit(urlsplit(os.environ[variable])._replace(path=f"/{NAME}"))


@pytest.fixture(scope="module")
def owned(django_db_setup):
    """The environment of `migrate`, which alone knows the owner."""
    names = ("DATABASE_URL", "DATABASE_READER_URL", "DATABASE_OWNER_URL")
    admin_url = urlunsplit(
        urlsplit(os.environ["DATABASE_OWNER_URL"])._replace(path="/askpro")
    )
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {NAME}")
        # As an operator gives them: no embedded server's.
        environment = (
            {n: v for n, v in os.environ.items() if not n.startswith("ASKPRO_EMBEDDED")}
            | {name: named(name) for name in names}
            | {
                "ASKPRO_MODE": "production",
                "SECRET_KEY": secrets.token_urlsafe(48),
                "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
                "EMAIL_URL": "smtp://127.0.0.1:25",
                "ALLOWED_HOSTS": "askpro.example.com",
                "PUBLIC_BASE_URL": "https://askpro.example.com",
                "TRUSTED_PROXY_COUNT": "1",
            }
        )
        done = run(environment, "manage.py", "migrate", "--verbosity", "0")
        assert done.returncode == 0, done.stderr[-2000:]
        yield environment
        admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture
def production(owned):
    """The environment of all the others."""
    return {n: v for n, v in owned.items() if n != "DATABASE_OWNER_URL"}


def run(environment, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("more", [[], ["--deploy"]])
def test_it_is_migrated_and_then_fit_to_start(production, more):
    done = run(
        production,
        *("manage.py", "check", "--database", "default"),
        *("--fail-level", "WARNING", *more),
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert "no issues" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "web", "--port", "0"],
        ["manage.py", "worker"],
        ["manage.py", "beat"],
        ["-c", "import askpro.wsgi"],
        ["-m", "celery", "-A", "askpro.celery", "worker", "--pool=solo"],
        ["-m", "celery", "-A", "askpro.celery", "beat"],
    ],
    ids=["web", "worker", "beat", "another server", "celery worker", "celery beat"],
)
def test_nothing_starts_that_production_refuses(production, owned, command):
    unfit = production | {"ALLOWED_HOSTS": "*"}
    done = run(unfit, *command)
    assert done.returncode != 0
    assert "askpro.E008" in done.stderr

    # What `migrate` may know, none of these may.
    done = run(owned, *command)
    assert done.returncode != 0
    assert "askpro.E011" in done.stderr


def test_requests_carry_no_secret_of_the_environment(production):
    said = run(
        production,
        "-c",
        "import os, askpro.wsgi; print(os.environ)",
    )

    assert said.returncode == 0, said.stderr[-2000:]
    assert "ASKPRO_MODE" in said.stdout
    for name in ("SECRET_KEY", "FIELD_ENCRYPTION_KEYS", "DATABASE_URL"):
        assert production[name] not in said.stdout
