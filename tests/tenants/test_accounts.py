"""The keys that a machine door verifies with, and the platform's from the settings."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tenants import accounts, uses
from tenants.models import ProviderAccount
from tenants.scoping import every_company
from tests.factories import make_account, make_company

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_remembered():
    accounts._remembered.clear()
    yield
    accounts._remembered.clear()


def platform(provider="retell"):
    with every_company():
        return ProviderAccount.objects.get(company=None, provider=provider)


def test_an_address_has_the_keys_of_its_own_account_alone():
    company = make_company()
    own = make_account(
        company=company,
        provider="retell",
        webhook_secret="new",
        webhook_secret_previous="old",
    )
    make_account(company=None, provider="retell", webhook_secret="of the platform")

    found = accounts.keys_of("retell", own.endpoint)

    assert (found.company_id, found.secrets) == (company.pk, ("new", "old"))
    assert accounts.keys_of("retell").secrets == ("of the platform",)
    assert accounts.keys_of("calcom", own.endpoint) is None
    assert accounts.keys_of("retell", uuid4()) is None


def test_an_account_that_is_switched_off_verifies_nothing():
    account = make_account(company=None, provider="retell", is_active=False)

    assert accounts.keys_of("retell") is None
    assert accounts.keys_of("retell", account.endpoint) is None


def test_a_rotation_is_known_after_some_seconds():
    account = make_account(company=None, provider="retell", webhook_secret="old")
    accounts.keys_of("retell")
    with every_company():
        account.webhook_secret, account.webhook_secret_previous = "new", "old"
        account.save()

    accounts._remembered[("retell", None)] = (
        0.0,
        accounts._remembered[("retell", None)][1],
    )

    assert accounts.keys_of("retell").secrets == ("new", "old")


def test_a_use_is_written_to_the_secret_wherever_it_stands_meanwhile():
    account = make_account(
        company=make_company(), webhook_secret="new", webhook_secret_previous="old"
    )
    other = make_account(company=make_company(), webhook_secret="old")
    at = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

    def write(secret, seconds, company_id=account.company_id):
        return uses.write_secret(
            str(account.pk),
            company_id=str(company_id),
            at=at + timedelta(seconds=seconds),
            mark=uses.mark_of(secret),
        )

    assert write("old", 0)
    assert write("new", 5)
    assert not write("new", 30)
    assert not write("never", 90)
    assert not write("old", 90, company_id=other.company_id)

    with every_company():
        account.refresh_from_db()
        other.refresh_from_db()
    assert account.secret_previous_used_at == at
    assert account.secret_used_at == at + timedelta(seconds=5)
    assert other.secret_used_at is None


def test_the_platforms_secrets_are_noted_too():
    account = make_account(company=None, provider="retell", webhook_secret="s")

    assert uses.write_secret(
        str(account.pk),
        company_id=None,
        at=datetime(2026, 11, 25, tzinfo=UTC),
        mark=uses.mark_of("s"),
    )

    assert platform().secret_used_at == datetime(2026, 11, 25, tzinfo=UTC)


def test_a_time_of_use_moves_with_its_secret(settings):
    settings.RETELL_WEBHOOK_KEYS = ["first"]
    accounts.sync_platform_accounts()
    at = datetime(2026, 11, 25, tzinfo=UTC)
    with every_company():
        ProviderAccount.objects.update(secret_used_at=at)

    accounts.sync_platform_accounts()
    unchanged = platform()
    settings.RETELL_WEBHOOK_KEYS = ["second", "first"]
    accounts.sync_platform_accounts()

    assert unchanged.secret_used_at == at
    assert platform().secret_used_at is None
    assert platform().secret_previous_used_at == at


def test_the_settings_make_and_change_the_platforms_accounts(settings):
    settings.RETELL_WEBHOOK_KEYS = ["first"]
    settings.RETELL_API_KEY = "key"
    accounts.sync_platform_accounts()
    settings.RETELL_WEBHOOK_KEYS = ["second", "first"]
    settings.RETELL_API_KEY = ""

    accounts.sync_platform_accounts()

    retell = platform()
    assert (retell.api_key, retell.webhook_secrets) == ("key", ("second", "first"))
    with every_company():
        assert ProviderAccount.objects.count() == 1
