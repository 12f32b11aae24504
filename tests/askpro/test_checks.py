"""Production refuses to start with anything unsafe."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError

from askpro.checks import share_a_session
from tenants.models import ProviderAccount
from tenants.scoping import every_company


def ids(**more):
    return {message.id for message in run_checks(**more)} & {
        f"askpro.E00{number}" for number in range(1, 8)
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
@pytest.mark.parametrize("host", ["127.0.0.1:8090", "sandbox:8090", "127.0.0.2"])
def test_production_refuses_the_sandbox_as_a_provider(settings, host):
    settings.IS_PRODUCTION = True
    assert "askpro.E005" not in ids(databases=["default"])
    with every_company():
        ProviderAccount.objects.create(
            provider="calcom", base_url=f"http://{host}/calcom"
        )

    assert "askpro.E005" in ids(databases=["default"])
    assert not {"askpro.E004", "askpro.E006"} & ids(databases=["default"])


def test_production_warns_of_mail_that_nobody_gets(settings):
    settings.IS_PRODUCTION = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    assert "askpro.W001" in {message.id for message in run_checks()}

    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    assert "askpro.W001" not in {message.id for message in run_checks()}


@pytest.mark.django_db
def test_production_refuses_keys_that_nobody_can_read(settings):
    settings.IS_PRODUCTION = True
    with every_company():
        ProviderAccount.objects.create(
            provider="calcom", base_url="https://api.cal.com", api_key="cal_x"
        )
    assert "askpro.E007" not in ids(databases=["default"])

    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert "askpro.E007" in ids(databases=["default"])


def test_a_proxy_that_hands_sessions_on_is_noticed():
    with psycopg_as_superuser() as one, psycopg_as_superuser() as other:
        assert not share_a_session(one, other)
        # To two clients of such a proxy it is as if they had one connection.
        assert share_a_session(one, one)


@pytest.mark.django_db
def test_the_demo_listens_on_this_machine_alone(settings):
    settings.ASKPRO_MODE = "demo"

    with pytest.raises(CommandError, match="this machine alone"):
        call_command("web", "--host", "0.0.0.0")


@pytest.mark.django_db
@pytest.mark.parametrize("command", [["web"], ["worker"], ["beat"]])
def test_what_production_refuses_does_not_start(settings, command):
    settings.IS_PRODUCTION = True
    settings.SECRET_KEY = "short"

    with pytest.raises(SystemCheckError, match="SECRET_KEY"):
        call_command(*command)


def psycopg_as_superuser():
    import psycopg

    from askpro import embedded

    url = embedded.superuser_url(embedded.var_folder())
    return psycopg.connect(url, autocommit=True)
