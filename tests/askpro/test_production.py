"""A production installation begins with an empty database."""

from __future__ import annotations

import os
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


@pytest.fixture
def production(django_db_setup):
    names = ("DATABASE_URL", "DATABASE_READER_URL", "DATABASE_OWNER_URL")
    admin_url = urlunsplit(
        urlsplit(os.environ["DATABASE_OWNER_URL"])._replace(path="/askpro")
    )
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {NAME}")
        yield (
            os.environ
            | {name: named(name) for name in names}
            | {
                "ASKPRO_MODE": "production",
                "SECRET_KEY": "long and random " * 4,
                "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
                "EMAIL_URL": "smtp://127.0.0.1:25",
                "ALLOWED_HOSTS": "askpro.example.com",
                "PUBLIC_BASE_URL": "https://askpro.example.com",
                "TRUSTED_PROXY_COUNT": "1",
            }
        )
        admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


def test_it_is_migrated_and_then_fit_to_start(production):
    for arguments in (
        ("migrate", "--verbosity", "0"),
        ("check", "--database", "default", "--fail-level", "WARNING"),
    ):
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=production,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
