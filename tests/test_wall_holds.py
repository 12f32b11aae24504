"""Every table, every verb, in every role, against rows that could have leaked.

``make mutate`` runs the same tries against databases that lack one protection each.
"""

from __future__ import annotations

import pytest

from tests.mutate import facts, holes
from tests.mutate.stage import stage

pytestmark = pytest.mark.django_db


def test_no_try_finds_a_hole():
    parties = facts.furnish()
    with stage() as superuser:
        found = facts.read(superuser, parties)

        assert facts.lacking(found) == []
        assert holes.holes(superuser, found) == []


@pytest.mark.parametrize(
    "change",
    [
        "ALTER POLICY company ON bookings_customer USING (true)",
        "ALTER POLICY company ON bookings_customer WITH CHECK (true)",
        "ALTER TABLE tenants_phonenumber"
        " DROP CONSTRAINT tenants_phonenumber_branch_of_company",
        "GRANT SELECT ON tenants_apikey TO askpro",
    ],
)
def test_the_tries_find_a_hole_where_there_is_one(change):
    parties = facts.furnish()
    with stage() as superuser:
        found = facts.read(superuser, parties)
        superuser.execute(change)

        assert holes.holes(superuser, found) != []
