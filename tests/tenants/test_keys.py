"""The life of a machine's key: shown once, kept as a digest, refused when it ends."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
import time_machine
from django.db import OperationalError, connection, connections
from django.utils import timezone

from tenants import keys
from tenants.models import ApiKey, Branch, Company
from tenants.scoping import every_company, let_go, scope
from tests.factories import make_branch, make_company, make_key

pytestmark = pytest.mark.django_db

WEBHOOK = ApiKey.Scope.WEBHOOK


def forget_all():
    keys._good.clear()
    keys._bad.clear()


@pytest.fixture(autouse=True)
def _nothing_remembered():
    forget_all()
    yield
    forget_all()


def stored():
    with every_company():
        return list(ApiKey.objects.order_by("created_at"))


def test_a_key_is_shown_once_and_kept_as_a_digest():
    company = make_company()

    row, plain = keys.make(company, "Assistent", ["rest", "booking"])

    assert plain.startswith(f"{row.prefix}_")
    assert row.prefix.startswith("askpro_test_")
    assert len(plain.removeprefix(f"{row.prefix}_")) == 64  # 32 bytes in hex
    assert row.scopes == ["booking", "rest"]
    with every_company(), connection.cursor() as cursor:
        cursor.execute("SELECT tenants_apikey::text, digest FROM tenants_apikey")
        text, digest = cursor.fetchone()
    assert bytes(digest) == hashlib.sha256(plain.encode()).digest()
    assert plain not in text
    assert plain.removeprefix(f"{row.prefix}_") not in text


def test_a_production_key_says_so(settings):
    settings.IS_PRODUCTION = True

    row, _ = keys.make(make_company(), "Assistent", ["rest"])

    assert row.prefix.startswith("askpro_live_")


def test_a_key_tells_whose_it_is_and_nothing_of_another_company():
    ours, theirs = make_company(), make_company()
    branch = make_branch(company=ours)
    row, plain = make_key(company=ours, scopes=["webhook", "rest"], branch=branch)
    their_row, their_plain = make_key(company=theirs)

    holder = keys.verify(plain)

    assert (holder.company_id, holder.branch_id) == (ours.pk, branch.pk)
    assert holder.scopes == {"webhook", "rest"}
    assert (holder.key_id, holder.prefix) == (row.pk, row.prefix)
    assert keys.verify(their_plain).company_id == theirs.pk
    with scope(ours.pk):
        assert list(ApiKey.objects.all()) == [row]
        assert not ApiKey.objects.filter(pk=their_row.pk).exists()


def test_a_key_for_a_branch_of_another_company_is_not_made():
    ours, theirs = make_company(), make_company()
    branch = make_branch(company=theirs)

    with pytest.raises(keys.ForeignBranch):
        keys.make(ours, "x", ["rest"], branch=branch)

    assert stored() == []


@pytest.mark.parametrize("scopes", [[], ["everything"], ["rest", "admin"]])
def test_a_key_without_a_known_scope_is_not_made(scopes):
    with pytest.raises(keys.UnknownScope, match="booking"):
        keys.make(make_company(), "x", scopes)

    assert stored() == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda plain: "", id="nothing"),
        pytest.param(lambda plain: plain[:-1], id="cut"),
        pytest.param(lambda plain: plain + "0", id="longer"),
        pytest.param(lambda plain: plain + "\n", id="line end"),
        pytest.param(lambda plain: plain.upper(), id="upper case"),
        pytest.param(lambda plain: plain.replace("test", "live"), id="other side"),
        pytest.param(lambda plain: plain[:-64] + "0" * 64, id="other secret"),
        pytest.param(lambda plain: "ä" * len(plain), id="no ascii"),
    ],
)
def test_what_is_no_key_of_ours_opens_nothing(change):
    _, plain = make_key(company=make_company())
    assert keys.verify(plain) is not None

    assert keys.verify(change(plain)) is None


def test_what_cannot_be_a_key_is_not_looked_up(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert keys.verify("Bearer of bad news") is None


def test_a_revoked_key_is_refused_at_once_here_and_soon_elsewhere():
    row, plain = make_key(company=make_company())
    other_row, other_plain = make_key(company=make_company())
    assert keys.verify(plain)
    assert keys.verify(other_plain)

    assert keys.revoke(row)
    with every_company():  # another process did it
        ApiKey.objects.filter(pk=other_row.pk).update(revoked_at=timezone.now())

    assert keys.verify(plain) is None
    assert keys.verify(other_plain) is not None
    keys._good.clear()  # what thirty seconds do
    assert keys.verify(other_plain) is None
    assert not keys.revoke(row)


def test_an_expiry_holds_to_the_second_also_for_a_remembered_key():
    ends_at = timezone.now() + timedelta(hours=1)
    _, plain = make_key(company=make_company(), expires_at=ends_at)

    with time_machine.travel(ends_at - timedelta(seconds=1), tick=False):
        keys._good.clear()
        assert keys.verify(plain) is not None
    with time_machine.travel(ends_at, tick=False):
        assert len(keys._good) == 1
        assert keys.verify(plain) is None


@pytest.mark.parametrize("model", [Company, Branch])
def test_a_key_of_an_inactive_company_or_branch_is_refused(model):
    company = make_company()
    _, plain = make_key(company=company, branch=make_branch(company=company))
    _, unbound = make_key(company=company)
    assert keys.verify(plain) is not None
    with every_company():
        model.objects.update(is_active=False)

    forget_all()

    assert keys.verify(plain) is None
    assert (keys.verify(unbound) is None) == (model is Company)


def test_a_seen_key_costs_no_statement_and_a_new_one_a_look(django_assert_num_queries):
    _, plain = make_key(company=make_company())
    unknown = plain[:-64] + "0" * 64

    with django_assert_num_queries(2):
        keys.verify(plain)
    with django_assert_num_queries(0):
        keys.verify(plain)
    with django_assert_num_queries(1):
        keys.verify(unknown)
    with django_assert_num_queries(0):
        keys.verify(unknown)


def test_what_is_remembered_is_bounded_and_holds_no_key():
    _, plain = make_key(company=make_company())
    keys.verify(plain)
    for number in range(keys.MOST_REMEMBERED + 5):
        keys._bad.put(number.to_bytes(32), True, for_s=5)

    assert len(keys._bad) == keys.MOST_REMEMBERED
    # A flood of wrong keys does not push out the right ones.
    assert keys.verify(plain) is not None
    assert plain[-64:] not in repr([keys._good._kept, keys._bad._kept])


def test_a_seen_key_verifies_while_postgresql_is_away(settings):
    row, plain = make_key(company=make_company())
    _, unseen = make_key(company=make_company())
    assert keys.verify(plain) is not None
    keys._good.put(keys.digest_of(plain), keys.verify(plain), for_s=-1)

    with away():
        assert keys.verify(plain).key_id == row.pk
        with pytest.raises(OperationalError):
            keys.verify(unseen)

    keys.revoke(row)
    assert keys.verify(plain) is None


class away:
    """Let the application's database be somewhere where nobody answers."""

    def __enter__(self):
        self.connection = connections["default"]
        self.connection.close()
        self.connection.close_pool()
        self.host = self.connection.settings_dict["HOST"]
        self.connection.settings_dict["HOST"] = "/nowhere"

    def __exit__(self, *_):
        self.connection.close()
        self.connection.close_pool()
        self.connection.settings_dict["HOST"] = self.host


def test_a_rotated_key_and_its_successor_overlap():
    company = make_company()
    branch = make_branch(company=company)
    row, plain = make_key(
        company=company, name="Bot", scopes=["webhook", "rest"], branch=branch
    )

    new, new_plain = keys.rotate(row, overlap=timedelta(hours=24))

    assert new.replaces_id == row.pk
    assert (new.name, new.scopes, new.branch_id) == ("Bot", row.scopes, branch.pk)
    assert new.expires_at is None
    assert keys.verify(plain)
    assert keys.verify(new_plain)
    with time_machine.travel(timezone.now() + timedelta(hours=25), tick=False):
        assert keys.verify(plain) is None
        assert keys.verify(new_plain) is not None


def test_a_rotation_never_prolongs_the_old_key_and_keeps_the_length_of_life():
    soon = timezone.now() + timedelta(minutes=5)
    row, _ = make_key(company=make_company(), expires_at=soon)

    new, _ = keys.rotate(row, overlap=timedelta(hours=24))

    old = stored()[0]
    assert old.expires_at == soon
    assert timedelta(minutes=4) < new.expires_at - timezone.now() < timedelta(minutes=5)


def test_of_many_who_rotate_a_key_one_wins():
    row, _ = make_key(company=make_company())

    def rotate(_):
        try:
            return keys.rotate(row, overlap=timedelta(hours=1))[1]
        except keys.AlreadyRotated:
            return None
        finally:
            let_go()

    with ThreadPoolExecutor(8) as pool:
        made = [plain for plain in pool.map(rotate, range(16)) if plain]

    assert len(made) == 1
    assert len(stored()) == 2
    assert keys.verify(made[0]) is not None


def test_a_lost_successor_is_revoked_and_the_old_key_rotated_again():
    row, _ = make_key(company=make_company())
    lost, _ = keys.rotate(row, overlap=timedelta(hours=1))
    keys.revoke(lost)

    again, plain = keys.rotate(row, overlap=timedelta(hours=1))

    assert again.replaces_id == row.pk
    assert keys.verify(plain) is not None


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_key_that_has_ended_is_not_rotated(how):
    row, _ = make_key(company=make_company())
    if how == "revoked":
        keys.revoke(row)
    else:
        with every_company():
            ApiKey.objects.update(expires_at=timezone.now())

    with pytest.raises(keys.KeyNotActive):
        keys.rotate(row, overlap=timedelta(hours=1))

    assert [one.pk for one in stored()] == [row.pk]


def test_nobody_rotates_or_revokes_a_key_of_another_company():
    ours, theirs = make_company(), make_company()
    row, plain = make_key(company=theirs)
    disguised = ApiKey(pk=row.pk, company=ours, digest=uuid4().bytes)

    with pytest.raises(ApiKey.DoesNotExist):
        keys.rotate(disguised, overlap=timedelta(0))
    assert not keys.revoke(disguised)

    assert [one.pk for one in stored()] == [row.pk]
    assert keys.verify(plain) is not None
