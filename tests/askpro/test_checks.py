"""Production refuses to start with anything unsafe."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks

from tenants.models import ProviderAccount
from tenants.scoping import every_company


def ids(**more):
    return {message.id for message in run_checks(**more)} & {
        f"askpro.E00{number}" for number in range(1, 6)
    }


def test_a_laptop_may_start_as_it_is():
    assert ids() == set()


def test_production_wants_secrets_and_no_debug(settings):
    settings.IS_PRODUCTION = True
    settings.SECRET_KEY = "short"
    settings.FIELD_ENCRYPTION_KEYS = []
    settings.DEBUG = True

    assert ids() == {"askpro.E001", "askpro.E002", "askpro.E003"}


@pytest.mark.django_db
def test_production_refuses_the_sandbox_as_a_provider(settings):
    settings.IS_PRODUCTION = True
    assert "askpro.E005" not in ids(databases=["default"])
    with every_company():
        ProviderAccount.objects.create(
            provider="calcom", base_url="http://127.0.0.1:8090/calcom"
        )

    assert "askpro.E005" in ids(databases=["default"])
    assert "askpro.E004" not in ids(databases=["default"])


@pytest.mark.django_db
def test_production_refuses_a_login_that_sees_through_the_wall(settings):
    from django.db import connection

    settings.IS_PRODUCTION = True
    owner = settings.DATABASES["owner"]["USER"]
    app = connection.settings_dict["USER"]
    with psycopg_as_superuser() as superuser:
        superuser.execute(f"ALTER ROLE {app} INHERIT")
        try:
            assert "askpro.E004" in ids(databases=["default"])
        finally:
            superuser.execute(f"ALTER ROLE {app} NOINHERIT")
    assert owner != app


def psycopg_as_superuser():
    import psycopg

    from askpro import embedded

    url = embedded.superuser_url(embedded.var_folder())
    return psycopg.connect(url, autocommit=True)
