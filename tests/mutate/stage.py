"""A superuser's connection to the test's database, in which anybody can be played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg
from django.db import connections

from askpro import embedded


def superuser_url() -> str:
    """Return how the embedded server's superuser signs in to this database."""
    parts = urlsplit(embedded.superuser_url(embedded.var_folder()))
    return urlunsplit(
        parts._replace(path=f"/{connections['owner'].settings_dict['NAME']}")
    )


@contextmanager
def stage() -> Iterator[Any]:
    """Yield a superuser's cursor in a transaction that is rolled back."""
    with psycopg.connect(superuser_url()) as superuser:
        try:
            yield superuser.cursor()
        finally:
            superuser.rollback()


@contextmanager
def as_superuser() -> Iterator[None]:
    """Let the alias ``owner`` sign in as the superuser, so that it can play anybody."""
    owner = connections["owner"]
    owner.close()
    kept = owner.settings_dict
    parts = urlsplit(embedded.superuser_url(embedded.var_folder()))
    given = {"USER": parts.username or "", "PASSWORD": unquote(parts.password or "")}
    owner.settings_dict = kept | given
    owner.ensure_connection()
    try:
        yield
    finally:
        owner.close()
        owner.settings_dict = kept
