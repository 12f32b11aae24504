"""Keys from the command line: printed once, honest exit status, what to do next."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from tenants import keys
from tenants.models import ApiKey
from tenants.scoping import every_company
from tests.factories import make_branch, make_company, make_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered():
    keys._good.clear()
    keys._bad.clear()


def run(*arguments):
    """Return what a command printed to standard output and to standard error."""
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def stored():
    with every_company():
        return list(ApiKey.objects.order_by("created_at"))


@pytest.mark.parametrize("by", ["slug", "number", "id"])
def test_a_key_is_printed_once_to_standard_output_alone(by):
    company = make_company("salon")
    name = {"slug": "salon", "number": str(number_of(company)), "id": str(company.pk)}

    out, err = run(
        "mcp_key_create", "--company", name[by], "--scopes", "booking, webhook"
    )

    plain = out.strip()
    assert keys.verify(plain).company_id == company.pk
    assert plain not in err
    assert plain[-64:] not in err
    assert "mcp_key_revoke" in err
    assert stored()[0].scopes == ["booking", "webhook"]


def number_of(company):
    with every_company():
        company.refresh_from_db()
    return company.number


def test_a_key_has_the_branch_name_and_days_that_were_asked_for():
    company = make_company("salon")
    branch = make_branch(company=company)
    options = ["--branch", "mitte", "--name", "Bot", "--days", "30", "--json"]

    out, err = run("mcp_key_create", "--company", "salon", "--scopes", "rest", *options)

    told = json.loads(out)
    assert (told["name"], told["branch_id"]) == ("Bot", str(branch.pk))
    assert err == ""
    assert keys.verify(told["key"]).branch_id == branch.pk
    left = stored()[0].expires_at - timezone.now()
    assert timedelta(days=29) < left <= timedelta(days=30)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--company", "nobody", "--scopes", "rest"], "Known: salon"),
        (["--company", "salon", "--scopes", "everything"], "booking, calcom"),
        (["--company", "salon", "--scopes", ","], "at least one"),
        (["--company", "salon", "--scopes", "rest", "--days", "0"], "--days"),
        (["--company", "salon", "--scopes", "rest", "--branch", "x"], "Known: none"),
    ],
)
def test_a_mistake_says_what_to_do_and_makes_no_key(arguments, words):
    make_company("salon")

    with pytest.raises(CommandError, match=words):
        run("mcp_key_create", *arguments)

    assert stored() == []


def test_a_branch_of_another_company_is_unknown():
    make_company("salon")
    make_branch(company=make_company("fremd"), slug="nord")

    with pytest.raises(CommandError, match="no branch 'nord'"):
        run(
            *("mcp_key_create", "--company", "salon", "--scopes", "rest"),
            *("--branch", "nord"),
        )

    assert stored() == []


def test_keys_are_listed_by_company_and_never_told():
    ours, theirs = make_company("salon"), make_company("fremd")
    row, plain = make_key(company=ours, name="Bot")
    other, _ = make_key(company=theirs)
    keys.revoke(other)

    everything = json.loads(run("mcp_key_list", "--json")[0])["keys"]
    text, _ = run("mcp_key_list", "--company", "salon")

    assert {(one["company"], one["state"]) for one in everything} == {
        ("salon", "active"),
        ("fremd", "revoked"),
    }
    assert row.prefix in text
    assert "last used: never" in text
    assert other.prefix not in text
    assert plain[-64:] not in text + json.dumps(everything)


def test_without_keys_the_list_says_how_to_make_one():
    assert "mcp_key_create" in run("mcp_key_list")[0]
    with pytest.raises(CommandError, match="Known"):
        run("mcp_key_list", "--company", "nobody")


@pytest.mark.parametrize("written", ["{prefix}", "{prefix}_", "{prefix}…", "{plain}"])
def test_a_key_is_revoked_by_what_is_known_of_it(written):
    row, plain = make_key(company=make_company())
    _other, other_plain = make_key(company=make_company())
    assert keys.verify(plain) is not None

    out, _ = run("mcp_key_revoke", written.format(prefix=row.prefix, plain=plain))

    assert "is revoked" in out
    assert plain[-64:] not in out
    assert keys.verify(plain) is None
    assert keys.verify(other_plain) is not None
    assert json.loads(run("mcp_key_revoke", row.prefix, "--json")[0]) == {
        "prefix": row.prefix,
        "revoked": False,
    }


def test_an_unknown_prefix_is_refused():
    make_key(company=make_company())

    for command in ("mcp_key_revoke", "mcp_key_rotate"):
        with pytest.raises(CommandError, match="mcp_key_list"):
            run(command, "askpro_test_")

    assert [one.revoked_at for one in stored()] == [None]


def test_a_key_is_rotated_with_an_overlap():
    row, plain = make_key(company=make_company())

    out, err = run("mcp_key_rotate", row.prefix, "--overlap", "2h")

    assert keys.verify(out.strip()).company_id == row.company_id
    assert keys.verify(plain) is not None
    assert out.strip()[-64:] not in err
    old, new = stored()
    assert new.replaces_id == old.pk
    left = old.expires_at - timezone.now()
    assert timedelta(minutes=119) < left <= timedelta(hours=2)
    assert "replaced" in run("mcp_key_list")[0]
    with pytest.raises(CommandError, match="takes its place"):
        run("mcp_key_rotate", row.prefix)
    assert len(stored()) == 2


@pytest.mark.parametrize("overlap", ["", "24", "h", "-1h", "1w", "91d", "1e3h"])
def test_an_overlap_that_is_none_is_refused(overlap):
    row, _ = make_key(company=make_company())

    with pytest.raises(CommandError, match="--overlap"):
        run("mcp_key_rotate", row.prefix, f"--overlap={overlap}")

    assert len(stored()) == 1
