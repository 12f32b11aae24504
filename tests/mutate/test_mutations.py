"""One part of the wall at a time is taken away; something must notice."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connections

from askpro.embedded import BASE_DIR
from tenants.isolation import catalogue, probes, rows
from tenants.isolation.ways import registered
from tests.mutate import database
from tests.mutate.source import CHANGES

pytestmark = [pytest.mark.django_db, pytest.mark.mutate]

REPORT = Path(os.environ.get("ASKPRO_MUTATE_REPORT", os.devnull))


def execute(statement: str) -> None:
    with connections["owner"].cursor() as cursor:
        cursor.execute(statement)


def noticed(mutation: database.Mutation, made: probes.Probes) -> str:
    """Return the first attempt that is not refused any more; empty: nobody noticed."""
    labels = [
        label for label, row in made.mine.rows.items()
        if row._meta.db_table == mutation.table
    ]  # fmt: skip
    by_query = next(one for one in registered() if one.name == "reading by SQL")
    ways = [catalogue.catalogue, rows.by_orm, rows.by_sql, rows.by_reference]
    for way in (*ways, by_query.try_it):
        for name, attempt in way(made):
            is_about = name.startswith((mutation.table, *labels))
            if not is_about and way is not by_query.try_it:
                continue
            try:
                if not attempt():
                    return name
            except Exception as error:
                return f"{name} ({type(error).__name__})"
    return ""


def test_every_part_of_the_database_is_missed():
    made = probes.furnish()
    results = []
    for mutation in database.mutations():
        execute(mutation.breaking)
        try:
            results.append((mutation, noticed(mutation, made)))
        finally:
            execute(mutation.mending)
    with REPORT.open("a") as report:
        report.write("| Table | Taken away | Noticed by |\n|---|---|---|\n")
        for mutation, by in results:
            report.write(f"| {mutation.table} | {mutation.name} | {by or 'nobody'} |\n")

    assert len(results) > 200
    assert [mutation for mutation, by in results if not by] == []


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_every_part_of_the_code_is_missed(change, tmp_path):
    """In a copy of the tree, with one line changed, the named tests must fail."""
    copy = tmp_path / "tree"
    shutil.copytree(
        BASE_DIR, copy,
        ignore=shutil.ignore_patterns(".git", ".venv", "var", "__pycache__"),
    )  # fmt: skip
    source = copy / change.file
    text = source.read_text()
    assert text.count(change.old) == 1, "the line has changed: name it anew"
    source.write_text(text.replace(change.old, change.new))
    environment = os.environ | {"ASKPRO_VAR": str(tmp_path / "var")}
    for name in (
        "DATABASE_URL",
        "DATABASE_OWNER_URL",
        "DATABASE_READER_URL",
        "REDIS_URL",
    ):
        environment.pop(name, None)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", change.tests],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    with REPORT.open("a") as report:
        by = change.tests if ended.returncode == 1 else "nobody"
        report.write(f"| {change.file} | {change.name} | {by} |\n")

    assert ended.returncode == 1, ended.stdout[-2000:]
