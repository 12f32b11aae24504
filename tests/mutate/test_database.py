"""One part of the wall in the database less at a time: something must notice.

Each is taken away in a transaction, tried as a caller would (``holes``), read as the
tests of the catalogue do, and rolled back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, connections, transaction

from tests import test_wall
from tests.mutate import database, facts, report
from tests.mutate.holes import Prober
from tests.mutate.stage import as_superuser
from tests.mutate.uniqueness import clashes, shared_names
from tests.tenants import test_audit_triggers, test_rls

pytestmark = [pytest.mark.django_db, pytest.mark.mutate]

#: Nobody could tell the difference, and why. All else must be noticed.
MAKES_NO_DIFFERENCE: dict[tuple[str, str], str] = {}


class Undo(Exception):
    """Ends a block that shall be rolled back."""


@contextmanager
def nothing_left() -> Iterator[None]:
    with suppress(Undo), transaction.atomic(using="owner"):
        yield
        raise Undo


def test_every_part_of_the_wall_is_missed():
    parties = facts.furnish()
    results = []
    with as_superuser():
        raw = connections["owner"].connection.cursor
        with nothing_left():
            found = facts.read(raw(), parties)
            mutations = list(database.mutations(raw(), found))
        for mutation in mutations:
            with nothing_left():
                results.append((mutation, *_noticed(mutation, raw(), found)))
    report.write_database(results)

    unseen = [
        one for one, tried, read in results
        if not tried and not read and (one.kind, one.part) not in MAKES_NO_DIFFERENCE
    ]  # fmt: skip
    assert len(results) > 500
    assert not unseen, "\n".join(map(str, unseen))


def _noticed(
    mutation: database.Mutation, cursor: Any, found: facts.Facts
) -> tuple[str, str]:
    """Return what a try found, and which test of the catalogue fails; "" for none."""
    try:
        cursor.execute(mutation.statement)
    except psycopg.Error as error:
        # Both companies' rows hold the value already, for example.
        return f"refused: {error.sqlstate}", ""
    return next(_by_trying(mutation, cursor, found), ""), _by_reading(mutation.table)


def _by_trying(
    mutation: database.Mutation, cursor: Any, found: facts.Facts
) -> Iterator[str]:
    prober = Prober(cursor, found)
    table = found.tables.get(mutation.table)
    if table is not None:
        yield from prober.of_table(table)
        yield from clashes(cursor, found, table)
        yield from shared_names(cursor, found, table)
    if table is None or " views " in mutation.kind:
        yield from prober.of_roles()
        yield from prober.of_views()
    if table is None:
        yield from prober.of_table(found.tables["bookings_customer"])


def _by_reading(table: str) -> str:
    """Return the first of the catalogue's tests that fails now."""
    tests: list[Callable[[], None]] = [
        test_wall.test_every_table_is_walled_or_listed_as_global,
        test_rls.test_the_application_may_touch_walled_tables_only_as_one_of_the_roles,
        test_audit_triggers.test_every_table_is_audited_or_listed_with_a_reason,
    ]
    models = [one for one in apps.get_models() if one._meta.db_table == table]
    for test in tests:
        if _fails(test):
            return test.__name__
    for model in models:
        for check in (
            test_rls.test_a_walled_table_has_these_policies_and_no_other,
            test_rls.test_a_reference_between_owned_tables_is_bound_to_the_company,
            test_wall.test_no_scope_may_truncate,
        ):
            if _fails(lambda: check(model)):  # noqa: B023 (called at once)
                return check.__name__
    return ""


def _fails(test: Callable[[], None]) -> bool:
    try:
        with transaction.atomic(using="owner"):
            test()
    except (AssertionError, IndexError, DatabaseError):
        return True
    return False
