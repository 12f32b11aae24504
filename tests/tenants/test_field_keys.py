"""Stored secrets move to a new key, and the old one can be forgotten."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from cryptography.fernet import Fernet, InvalidToken
from django.core.management import CommandError, call_command
from django.db import connection

from tenants import factor_keys, field_keys, fields
from tenants.models import ProviderAccount
from tenants.scoping import every_company
from tests.factories import make_account, make_company, make_member

pytestmark = pytest.mark.django_db


def rotate(*options):
    out = StringIO()
    call_command("rotate_field_keys", *options, "--json", stdout=out)
    return {
        one["column"].split(".")[1]: one
        for one in json.loads(out.getvalue())["columns"]
        if one["column"].startswith("tenants_provideraccount")
    }


def tokens():
    with every_company(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT api_key, webhook_secret, webhook_secret_previous"
            " FROM tenants_provideraccount ORDER BY id"
        )
        return cursor.fetchall()


def secrets():
    with every_company():
        return list(
            ProviderAccount.objects.order_by("id").values_list(
                "api_key", "webhook_secret", "webhook_secret_previous"
            )
        )


@pytest.fixture
def old_and_new(settings):
    """Three companies' and the platform's secrets, stored under the old key."""
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    for number in range(3):
        make_account(
            company=make_company(),
            api_key=f"api key {number}",
            webhook_secret=f"secret {number}",
            webhook_secret_previous="" if number else "before",
        )
    make_account(company=None, api_key="platform", webhook_secret="")
    settings.FIELD_ENCRYPTION_KEYS = [new, old]
    return old, new


def test_after_a_rotation_the_old_key_is_needed_no_more(settings, old_and_new):
    _, new = old_and_new
    before = secrets()
    settings.FIELD_ENCRYPTION_KEYS = [new]
    with pytest.raises(InvalidToken):
        secrets()
    settings.FIELD_ENCRYPTION_KEYS = list(reversed(old_and_new))

    found = rotate()

    settings.FIELD_ENCRYPTION_KEYS = [new]
    assert secrets() == before
    assert {name: one["rotated"] for name, one in found.items()} == {
        "api_key": 4,
        "webhook_secret": 3,
        "webhook_secret_previous": 1,
    }


def test_a_rotation_may_be_repeated_and_changes_nothing_then(old_and_new):
    rotate()
    stored = tokens()

    again = rotate()

    assert tokens() == stored
    assert again["api_key"] == {
        "column": "tenants_provideraccount.api_key",
        "rotated": 0,
        "current": 4,
        "unreadable": 0,
        "missed": 0,
    }


def test_a_dry_run_counts_and_writes_nothing(old_and_new):
    stored = tokens()

    assert rotate("--dry-run")["api_key"]["rotated"] == 4

    assert tokens() == stored


def test_an_interrupted_rotation_goes_on(old_and_new):
    column = next(one for one in field_keys.columns() if one.name == "api_key")
    with every_company():
        row = ProviderAccount.objects.order_by("id").first()
        row.save()  # under the new key, like what a first run has done

        found = field_keys.rotate(column, batch=1)

    assert (found.rotated, found.current) == (3, 1)


def test_a_secret_that_is_entered_meanwhile_stays(old_and_new):
    column = next(one for one in field_keys.columns() if one.name == "api_key")
    with every_company():
        row = ProviderAccount.objects.order_by("id").first()
        read_before = tokens()[0][0]
        row.api_key = "entered meanwhile"
        row.save()
        tally = field_keys.Tally("")

        field_keys._rotate_one(column, row.pk, read_before, tally, dry_run=False)

    assert (tally.rotated, tally.missed) == (0, 1)
    assert secrets()[0][0] == "entered meanwhile"


def test_what_no_key_opens_is_told_and_the_rest_is_moved(settings, old_and_new):
    with every_company(), connection.cursor() as cursor:
        foreign = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
        cursor.execute(
            "UPDATE tenants_provideraccount SET api_key = %s WHERE company_id IS NULL",
            [foreign],
        )
    out = StringIO()

    with pytest.raises(CommandError, match="unreadable"):
        call_command("rotate_field_keys", stdout=out)

    assert "tenants_provideraccount.api_key: 3 re-encrypted" in out.getvalue()
    assert "1 unreadable" in out.getvalue()
    assert sum(fields.is_current(row[0]) for row in tokens()) == 3


def test_second_factors_move_along(settings):
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [old]
    user = make_member(company=make_company())
    codes = RecoveryCodes.activate(user).generate_codes()
    app = Authenticator.objects.get(user=user, type="totp")
    secret = fields.decrypt(app.data["secret"])
    settings.FIELD_ENCRYPTION_KEYS = [new, old]

    assert factor_keys.rotate(dry_run=True).rotated == 2
    assert Authenticator.objects.get(pk=app.pk).data == app.data
    call_command("rotate_field_keys", stdout=StringIO())

    settings.FIELD_ENCRYPTION_KEYS = [new]
    app.refresh_from_db()
    assert fields.decrypt(app.data["secret"]) == secret
    kept = Authenticator.objects.get(user=user, type="recovery_codes")
    assert RecoveryCodes(kept).generate_codes() == codes
    assert factor_keys.rotate() == field_keys.Tally(factor_keys.COLUMN, current=2)


def test_a_second_factor_that_no_key_opens_is_told(settings):
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    make_member(company=make_company())
    stored = Authenticator.objects.get().data
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(CommandError, match="second_factor_reset"):
        call_command("rotate_field_keys", stdout=StringIO())

    assert Authenticator.objects.get().data == stored


def test_without_any_key_nothing_is_tried(settings):
    settings.FIELD_ENCRYPTION_KEYS = []

    with pytest.raises(CommandError, match="set a Fernet key"):
        call_command("rotate_field_keys")


def test_every_column_of_secrets_is_found():
    assert {str(one) for one in field_keys.columns()} >= {
        "tenants_provideraccount.api_key",
        "tenants_provideraccount.webhook_secret",
        "tenants_provideraccount.webhook_secret_previous",
    }
