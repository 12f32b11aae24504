"""What a connection was told is what the context says, whatever happens between."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import Context
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.db.transaction import TransactionManagementError
from django.db.utils import InterfaceError, ProgrammingError

from tenants.models import Branch, Company, PhoneNumber
from tenants.scoping import (
    ScopeMissing,
    current_company,
    every_company,
    is_every,
    let_go,
    scope,
    tell,
)

pytestmark = pytest.mark.django_db

TOLD = "SELECT current_setting('role'), current_setting('askpro.company', true)"


class Undo(Exception):
    """Ends a block that shall be rolled back."""


@pytest.fixture
def companies(_django_db_helper) -> list[UUID]:
    """Two companies with one branch each."""
    ids = []
    with every_company():
        for slug in ("salon", "werkstatt"):
            company = Company.objects.create(name=slug, slug=slug)
            Branch.objects.create(company=company, slug="mitte", name=slug)
            ids.append(company.pk)
    return ids


@contextmanager
def nothing_left() -> Iterator[None]:
    """Roll back whatever the block did, by an exception."""
    with suppress(Undo), transaction.atomic():
        yield
        raise Undo


def _told():
    with connection.cursor() as cursor:
        cursor.execute(TOLD)
        return cursor.fetchone()


def _terminate() -> None:
    pid = connection.connection.info.backend_pid
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 2000)", [pid])


class Walk:
    """A random program of blocks, roll-backs and losses, checked after each step."""

    def __init__(self, seed: object, companies: list[UUID]) -> None:
        self.random = random.Random(str(seed))
        self.companies = companies
        self.scopes: list[UUID | None] = []
        self.is_in_transaction = False
        self.checks = 0

    def run(self, steps: int = 4, depth: int = 0) -> None:
        self.check()
        for _ in range(steps):
            step = self.random.choice(self.possible(depth))
            step(depth + 1)
            self.check()

    def possible(self, depth: int) -> list[Callable[[int], None]]:
        anywhere: list[Callable[[int], None]] = [
            self.stranger,
            self.refused,
            self.fails_in_savepoint,
        ]
        outside: list[Callable[[int], None]] = [
            self.lets_go,
            self.breaks,
            self.breaks_inside,
            self.fails_late,
        ]
        outside += [self.commits_an_error, self.manual]
        blocks: list[Callable[[int], None]] = [self.company, self.company, self.every]
        blocks += [self.commits, self.rolls_back, self.rolls_back_by_flag]
        return (
            anywhere
            + ([] if self.is_in_transaction else outside)
            + (blocks if depth < 5 else [])
        )

    def check(self) -> None:
        """Compare what the database shows with what the scope says."""
        self.checks += 1
        shown = [self.check_rows, self.check_told]
        self.random.shuffle(shown)
        for show in shown:
            show()

    def check_told(self) -> None:
        company = self.scopes[-1] if self.scopes else None
        role = "none"
        if self.scopes:
            role = "askpro_company" if company else "askpro_every"
        assert _told() == (role, str(company or ""))

    def check_rows(self) -> None:
        if not self.scopes:
            with pytest.raises(ScopeMissing), transaction.atomic():
                Branch.objects.exists()
            return
        company = self.scopes[-1]
        seen = set(Branch.objects.values_list("company_id", flat=True))
        assert seen == ({company} if company else set(self.companies))

    # --- blocks ---------------------------------------------------------------

    def company(self, depth: int) -> None:
        company = self.random.choice(self.companies)
        self.scopes.append(company)
        with scope(company):
            self.run(depth=depth)
        self.scopes.pop()

    def every(self, depth: int) -> None:
        self.scopes.append(None)
        with every_company():
            self.run(depth=depth)
        self.scopes.pop()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        before, self.is_in_transaction = self.is_in_transaction, True
        try:
            yield
        finally:
            self.is_in_transaction = before

    def commits(self, depth: int) -> None:
        with self.transaction(), transaction.atomic():
            self.run(depth=depth)

    def rolls_back(self, depth: int) -> None:
        """Also a scope that was opened outside may be told inside only."""
        with self.transaction(), nothing_left():
            self.run(depth=depth)

    def rolls_back_by_flag(self, depth: int) -> None:
        with self.transaction(), transaction.atomic():
            self.run(depth=depth)
            transaction.set_rollback(True)

    # --- single steps ---------------------------------------------------------

    def stranger(self, depth: int) -> None:
        """A context without a scope, on the same connection."""

        def look() -> None:
            with pytest.raises(ScopeMissing), transaction.atomic():
                Branch.objects.exists()
            assert _told() == ("none", "")

        Context().run(look)

    def refused(self, depth: int) -> None:
        """A row for somebody else, in a transaction or savepoint of its own."""
        mine, other = self.random.sample(self.companies, 2)
        with scope(mine), pytest.raises(ProgrammingError), transaction.atomic():
            Branch.objects.create(company_id=other, slug="x", name="x")

    def fails_in_savepoint(self, depth: int) -> None:
        """The roll-back comes when the scope of the failed statement has ended."""
        company = self.random.choice(self.companies)
        with suppress(DatabaseError), transaction.atomic(), scope(company):
            Branch.objects.exists()
            connection.cursor().execute("SELECT 1 / 0")

    @contextmanager
    def told_inside(self, company: UUID | None) -> Iterator[None]:
        """A transaction in which the scope is told, and what it shows afterwards."""
        self.scopes.append(company)
        with scope(company) if company else every_company():
            with suppress(DatabaseError), transaction.atomic():
                Branch.objects.exists()
                yield
            self.check()
        self.scopes.pop()

    def commits_an_error(self, depth: int) -> None:
        """PostgreSQL answers this COMMIT with a roll-back, without an error."""
        company = self.random.choice(self.companies)
        with self.told_inside(company), suppress(DatabaseError):
            connection.cursor().execute("SELECT 1 / 0")

    def fails_late(self, depth: int) -> None:
        """The deferred foreign key refuses at COMMIT."""
        mine, other = self.companies
        with self.told_inside(None):
            PhoneNumber.objects.create(
                company_id=mine,
                branch=Branch.objects.get(company=other),
                number=f"+4930{self.random.randrange(10**9):09}",
            )

    def closes_inside(self, depth: int) -> None:
        """The pool rolls this transaction back, unseen."""
        with self.told_inside(self.random.choice(self.companies)):
            connection.close()

    def manual(self, depth: int) -> None:
        transaction.set_autocommit(False)
        with scope(self.random.choice(self.companies)):
            Branch.objects.exists()
            self.random.choice([transaction.commit, transaction.rollback])()
        self.check_told()
        self.random.choice([transaction.commit, transaction.rollback])()
        transaction.set_autocommit(True)

    def lets_go(self, depth: int) -> None:
        self.random.choice([let_go, connection.close])()

    def breaks(self, depth: int) -> None:
        _told()
        _terminate()
        with pytest.raises(DatabaseError):
            _told()
        connection.close_if_unusable_or_obsolete()

    def breaks_inside(self, depth: int) -> None:
        with self.told_inside(self.random.choice(self.companies)):
            _terminate()
            _told()


@pytest.mark.parametrize("seed", range(6))
def test_a_connection_shows_what_the_scope_says_at_random(companies, seed):
    walk = Walk(seed, companies)

    walk.run(steps=6)

    assert walk.checks > 6


def test_threads_that_share_the_pool_never_see_each_others_scope(companies):
    def walk(number: int) -> int:
        walk = Walk(f"thread {number}", companies)
        try:
            for _ in range(4):
                walk.run(steps=3, depth=3)
                let_go()
        finally:
            connections.close_all()
        return walk.checks

    with ThreadPoolExecutor(6) as threads:
        assert all(checks > 12 for checks in threads.map(walk, range(12)))


def test_blocks_nest_and_restore_the_outer_one(companies):
    salon, garage = companies

    assert (current_company(), is_every()) == (None, False)
    with scope(str(salon)):
        assert (current_company(), is_every()) == (salon, False)
        with every_company():
            assert (current_company(), is_every()) == (None, True)
            with suppress(Undo), scope(garage):
                assert current_company() == garage
                raise Undo
            assert is_every()
        assert current_company() == salon
    assert (current_company(), is_every()) == (None, False)


def test_what_is_no_company_opens_no_scope():
    with pytest.raises(ValueError, match="UUID"), scope("salon"):
        pass


def test_a_queryset_made_in_a_scope_is_refused_outside(companies):
    with scope(companies[0]):
        branches = Branch.objects.all()

    with pytest.raises(ScopeMissing, match=r"scope\(\)"):
        list(branches)


def test_a_refusal_rolls_its_transaction_back(companies):
    with suppress(ScopeMissing), transaction.atomic():
        with every_company():
            Company.objects.create(name="neu", slug="neu")
        Company.objects.exists()

    with every_company():
        assert not Company.objects.filter(slug="neu").exists()


def test_a_refusal_inside_a_scope_is_not_called_a_missing_scope(companies):
    salon, garage = companies

    with scope(salon), pytest.raises(ProgrammingError, match="row-level security"):
        Branch.objects.create(company_id=garage, slug="x", name="x")


def test_an_unknown_company_sees_nothing(companies):
    with scope(uuid4()):
        assert not Branch.objects.exists()


def test_a_scope_is_told_once_while_the_company_stays(companies, tmp_path):
    with scope(companies[0]), (tmp_path / "trace").open("w+") as trace:
        let_go()
        connection.ensure_connection()
        connection.connection.pgconn.trace(trace.fileno())
        for _ in range(3):
            assert Branch.objects.count() == 1
        connection.connection.pgconn.untrace()
    lines = (tmp_path / "trace").read_text().splitlines()
    sent = [line for line in lines if "\tF\t" in line and "SELECT" in line]

    assert ["set_config" in line for line in sent] == [True, False, False, False]


def test_letting_go_inside_a_transaction_is_refused(companies):
    with scope(companies[0]), transaction.atomic():
        Branch.objects.exists()
        with pytest.raises(RuntimeError, match="transaction"):
            let_go()
        assert Branch.objects.count() == 1


def test_letting_go_returns_the_connection_to_the_pool(companies):
    with scope(companies[0]):
        assert Branch.objects.count() == 1
        let_go()
        assert connection.connection is None
        assert Branch.objects.count() == 1


def test_a_connection_that_the_pool_rolled_back_is_told_again(companies):
    salon, garage = companies
    wrapper: Any = connection
    wrapper.close()
    wrapper.close_pool()  # else another one of the pool is taken
    with scope(garage):
        assert Branch.objects.get().name == "werkstatt"

    with scope(salon):
        with transaction.atomic():
            assert Branch.objects.get().name == "salon"
            lent = connection.connection
            connection.close()
        while lent not in wrapper.pool._pool:
            time.sleep(0.01)
        assert Branch.objects.get().name == "salon"
        assert connection.connection is lent


def test_a_cursor_whose_connection_was_given_back_is_refused(companies):
    with scope(companies[0]), connection.cursor() as cursor:
        cursor.execute(TOLD)
        let_go()
        with pytest.raises(InterfaceError):
            cursor.execute(TOLD)
        Branch.objects.exists()  # another connection, or the same one taken anew
        with suppress(InterfaceError):
            cursor.execute(TOLD)
            assert cursor.fetchone() == ("askpro_company", str(companies[0]))


def test_a_broken_transaction_is_named_as_such_after_a_change_of_scope(companies):
    with scope(companies[0]), transaction.atomic():
        with suppress(DatabaseError), transaction.atomic(savepoint=False):
            connection.cursor().execute("SELECT 1 / 0")
        with every_company(), pytest.raises(TransactionManagementError):
            Branch.objects.exists()


def test_telling_serves_code_that_uses_the_psycopg_connection(companies):
    let_go()

    with scope(companies[0]):
        tell(connection)
        with connection.connection.cursor() as raw:
            raw.execute("SELECT company_id FROM tenants_branch")
            assert raw.fetchall() == [(companies[0],)]


def test_the_owner_is_told_nothing(companies):
    owner = connections["owner"]

    with scope(companies[0]):
        tell(owner)
        with owner.cursor() as cursor:
            cursor.execute(
                "SELECT current_user = session_user, count(*) FROM tenants_branch"
            )
            assert cursor.fetchone() == (True, 2)
