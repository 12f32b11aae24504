import uuid
from dataclasses import replace

import pytest
from django.db import connection, transaction

from integrations import journal
from integrations.http import Exchange
from integrations.models import ProviderRequest
from tenants.models import Company, ProviderAccount
from tenants.scoping import every_company, scope

pytestmark = pytest.mark.django_db


def exchange(**changes):
    usual = Exchange(
        provider="calcom",
        account_key="k",
        method="POST",
        path="/v2/bookings",
        status=201,
        duration_ms=250,
        outcome="ok",
        error="",
        correlation_id="call_1",
    )
    return replace(usual, **changes)


@pytest.fixture
def companies():
    with every_company():
        return [Company.objects.create(name=name, slug=name) for name in ("a", "b")]


@pytest.fixture
def account(companies):
    with every_company():
        return ProviderAccount.objects.create(
            company=None, provider="calcom", base_url="http://127.0.0.1:1"
        )


def test_an_exchange_becomes_a_row_of_its_company(companies, account):
    journal.record_for(account.pk, companies[0].pk)(exchange())

    with scope(companies[0].pk):
        row = ProviderRequest.objects.get()
    assert (row.account_id, row.status, row.outcome) == (account.pk, 201, "ok")
    assert (row.path, row.correlation_id) == ("/v2/bookings", "call_1")
    assert row.duration_ms == 250
    with scope(companies[1].pk):
        assert not ProviderRequest.objects.exists()


def test_an_exchange_of_the_platform_has_no_company(companies, account):
    journal.record_for(account.pk, None)(exchange())

    with every_company():
        assert ProviderRequest.objects.get().company_id is None
    with scope(companies[0].pk):
        assert not ProviderRequest.objects.exists()


def test_no_connection_is_held_after_a_row(companies, account):
    connection.close()

    journal.record_for(account.pk, companies[0].pk)(exchange())

    assert connection.connection is None


def test_what_is_too_long_is_cut(companies, account):
    journal.record_for(account.pk, companies[0].pk)(
        exchange(path="/" + "a" * 999, error="e" * 999, correlation_id="c" * 999)
    )

    with scope(companies[0].pk):
        row = ProviderRequest.objects.get()
    assert (len(row.path), len(row.error), len(row.correlation_id)) == (300, 300, 120)


def test_a_row_that_cannot_be_written_hurts_nobody(companies, account, caplog):
    nobody = uuid.uuid4()

    with scope(companies[0].pk), transaction.atomic():
        journal.record_for(account.pk, companies[0].pk)(exchange(status=-1))
        assert Company.objects.filter(pk=companies[0].pk).exists()
    journal.record_for(account.pk, nobody)(exchange())

    messages = [record.getMessage() for record in caplog.records]
    assert messages.count("a provider request was not recorded") == 2
    with every_company():
        assert not ProviderRequest.objects.exists()


def test_the_time_at_providers_is_counted(companies, account):
    record = journal.record_for(account.pk, companies[0].pk)

    with journal.counting() as upstream:
        record(exchange(duration_ms=100))
        record(exchange(duration_ms=50))
    record(exchange(duration_ms=7))

    assert upstream.ms == 150
