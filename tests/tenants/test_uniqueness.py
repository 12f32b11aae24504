"""What is unique tells no company what another one has.

In one company's scope a form can't see another's rows, but a unique constraint does:
whoever is refused a value learns that somebody has it.
"""

from __future__ import annotations

import pytest

from tests.mutate import facts, uniqueness
from tests.mutate.stage import stage

pytestmark = pytest.mark.django_db


def test_every_unique_index_names_the_company_or_tells_nothing():
    parties = facts.furnish()
    with stage() as superuser:
        found = facts.read(superuser, parties)
    without = {
        index
        for table in found.tables.values()
        for index, columns in table.unique.items()
        if "company_id" not in columns
    }

    assert without == set(uniqueness.WITHOUT_A_COMPANY)


def test_a_key_is_random_or_refers_to_a_row_of_the_company():
    parties = facts.furnish()
    with stage() as superuser:
        found = facts.read(superuser, parties)

    for table in found.tables.values():
        assert table.types[table.key] == "uuid", table.name


def test_what_one_company_has_another_can_save_too():
    parties = facts.furnish()
    with stage() as superuser:
        found = facts.read(superuser, parties)
        tables = found.tables.values()
        clashes = [
            text for one in tables for text in uniqueness.clashes(superuser, found, one)
        ]

        assert clashes == []


def test_no_two_companies_are_known_by_one_name():
    parties = facts.furnish()
    with stage() as superuser:
        found = facts.read(superuser, parties)
        for name in uniqueness.KNOWN_BY:
            table = found.tables[name]
            assert not list(uniqueness.shared_names(superuser, found, table))


def test_an_index_that_forgot_the_company_is_found():
    parties = facts.furnish()
    with stage() as superuser:
        found = facts.read(superuser, parties)
        superuser.execute(
            "CREATE UNIQUE INDEX told ON bookings_appointment (idempotency_key)"
        )
        table = found.tables["bookings_appointment"]

        assert list(uniqueness.clashes(superuser, found, table))
