"""Every attack succeeds where nothing is in its way, and nowhere else.

First on an unprotected copy: what does not succeed there proves nothing and does not
count. Then through ``query``. Then past its parser, on the very connection that a query
gets: what the database alone holds back.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from django.utils import translation

from integrations.sql import allowed, reading
from integrations.sql.reader import reader
from integrations.sql.reading import QueryFailed, query
from integrations.sql.refusals import QueryRefused
from tenants.scoping import scope
from tests.conftest import _empty
from tests.integrations.sql import attacks_rows, attacks_server
from tests.integrations.sql.attack import SECRET, Betrays, Crashes, Outcome, Overloads
from tests.integrations.sql.stage import Stage, crashes, run

ATTACKS = [*attacks_rows.ATTACKS, *attacks_server.ATTACKS]
#: As musl gives to a thread, or a server of many threads.
SMALL_STACK_KB = 1_024
#: Ours alone: no error says them.
INTERNALS = ("bookings_", "tenants_", "askpro_", "sql_ticket", "reading.", "ticket")


@pytest.fixture(scope="module")
def stage(django_db_setup, django_db_blocker):
    from django.db import connections

    with django_db_blocker.unblock(), translation.override("en"):
        made = Stage()
        try:
            yield made
        finally:
            made.close()
            connections.close_all()
            _empty()


@pytest.fixture
def theirs(stage):
    """What the other company's next query must find, as it was before."""

    def ask():
        with scope(stage.theirs.pk):
            found = query("SELECT name, email FROM customers ORDER BY email").rows
        return [found, stage.fingerprint()]

    if stage.untouched is None:
        stage.untouched = ask()
        emails = [row[1] for row in stage.untouched[0]]
        assert emails == [f"{SECRET}{n}" for n in range(4)]
    yield
    assert ask() == stage.untouched


def test_there_are_enough_attacks_and_each_is_another():
    assert len(ATTACKS) >= 120
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert len({(one.text, one.bindings, one.begins) for one in ATTACKS}) == len(
        ATTACKS
    )
    assert not [one for one in ATTACKS if SECRET in one.text]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_succeeds_unprotected(stage, attack):
    if isinstance(attack.success, Crashes):
        assert crashes(attack.text, stack_kb=SMALL_STACK_KB)
        return
    outcome = stage.unprotected(attack)

    assert attack.success.has_succeeded(outcome), outcome.words[:2000]


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_fails_through_query(stage, theirs, attack):
    with stage.victim(attack) as victim:
        text = stage.named(attack.text, setting="askpro.company", victim=victim)
        refused = failed = ""
        outcome = Outcome()
        with scope(stage.mine.pk):
            try:
                found = query(text, attack.bindings)
            except QueryRefused as error:
                refused = str(error)
            except QueryFailed as error:
                failed = f"{error} {error.__cause__ or ''}"
            else:
                outcome.rows = list(found.rows)
        assert stage.is_at_work(victim)

    assert SECRET.lower() not in f"{outcome.words} {refused} {failed}".lower()
    assert not any(word in failed for word in INTERNALS)
    assert outcome.size <= reading.MOST_BYTES
    assert len(outcome.rows) <= reading.MOST_ROWS
    if isinstance(attack.success, Betrays):
        assert not failed
    elif not isinstance(attack.success, Crashes | Overloads):
        assert not attack.success.has_succeeded(outcome)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
def test_it_fails_past_the_parser(stage, theirs, attack):
    with stage.victim(attack) as victim, reader(stage.mine.pk) as connection:
        text = stage.spelled(attack, setting="askpro.company", victim=victim)
        outcome = run(connection, text.replace("\0", " "), attack)
        assert stage.is_at_work(victim)

    assert SECRET.lower() not in outcome.words
    if isinstance(attack.success, Betrays):
        assert not attack.success.has_succeeded(outcome)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT " + "(SELECT " * 320 + "1" + ")" * 320,
        "SELECT 1" + "+1" * 490,
        "SELECT " + "NOT " * 990 + "true",
        "SELECT " + "lower(" * 320 + "'a'" + ")" * 320,
        "SELECT " + "CASE WHEN true THEN " * 190 + "1" + " END" * 190,
        "SELECT 1 FROM " + "(" * 190 + "branches" + " CROSS JOIN branches)" * 190,
        "WITH a AS (" * 140 + "SELECT 1" + ") SELECT 1" * 140,
        "SELECT 1" + " UNION SELECT 1" * 320,
        "SELECT 'a'" + "||'a'" * 490,
        "SELECT 1" + "::int" * 490,
    ],
    ids=lambda text: text[:24],
)
def test_what_the_parser_is_given_is_not_nested_too_deep_for_a_small_stack(stage, text):
    assert len(text) <= allowed.LONGEST_TEXT
    assert not crashes(text, stack_kb=SMALL_STACK_KB // 2)
    with scope(stage.mine.pk), suppress(QueryRefused, QueryFailed):
        assert query(text).rows
