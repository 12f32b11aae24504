"""A stored secret comes out nowhere: each test puts one through the real path."""

from __future__ import annotations

import json
import logging
import sys
from io import StringIO

import pytest
from django.core.management import call_command
from django.forms.models import model_to_dict
from django.test import Client, RequestFactory
from django.urls import reverse
from django.views.debug import technical_500_response
from rest_framework import serializers

from askpro.logs import formatter
from integrations.calcom import authentication
from integrations.retell import signatures
from tenants import accounts, keys
from tenants.fields import Secret
from tenants.models import ProviderAccount
from tenants.scoping import every_company
from tests.factories import (
    make_account,
    make_company,
    make_key,
    make_member,
    make_operator,
)
from tests.tenants.test_keys import away

pytestmark = pytest.mark.django_db

MARK = "marker-7f3a<'&>"
#: Every spelling in which a page or a log could show it.
SPELLED = ("marker-7f3a", "7f3a")
SECRETS = {
    "api_key": f"api-{MARK}",
    "webhook_secret": f"secret-{MARK}",
    "webhook_secret_previous": f"previous-{MARK}",
}


@pytest.fixture(autouse=True)
def _nothing_remembered():
    accounts._remembered.clear()
    yield
    accounts._remembered.clear()


@pytest.fixture
def account():
    return make_account(company=make_company("salon"), provider="retell", **SECRETS)


def hides(text):
    return not any(spelled in str(text) for spelled in SPELLED)


def stored():
    with every_company():
        return ProviderAccount.objects.select_related("company").get()


def test_the_secret_itself_is_as_ever(account):
    row = stored()

    assert {name: getattr(row, name) for name in SECRETS} == SECRETS
    assert f"Bearer {row.api_key}" == f"Bearer api-{MARK}"
    assert json.loads(json.dumps({"k": row.api_key})) == {"k": f"api-{MARK}"}


@pytest.mark.parametrize("row", ["given", "read"])
def test_no_repr_shows_a_secret(account, row):
    one = account if row == "given" else stored()

    assert hides(repr(one))
    assert hides(repr(vars(one)))
    assert hides(repr(model_to_dict(one)))
    assert hides(repr(one.webhook_secrets))
    assert hides(repr(accounts.keys_of("retell", one.endpoint)))
    assert hides(repr(accounts._remembered))
    assert repr(Secret("")) == "''"


def log_line(message, **extra):
    record = logging.LogRecord("x", logging.INFO, "f", 1, message, (), sys.exc_info())
    record.__dict__.update(extra)
    return formatter().format(record)


def test_no_log_line_shows_a_secret(account):
    _, plain = make_key(company=make_company())
    row = stored()

    for said in (
        log_line("asked", api_key=f"api-{MARK}", webhook_secrets=[f"x{MARK}"]),
        log_line("asked", found=row.api_key, inside={"deep": [row.webhook_secret]}),
        log_line("asked", headers={"Authorization": f"Bearer {MARK}"}),
        log_line(f"asked with Bearer api.{'7f3a' * 8}"),
        log_line("asked", account=vars(row)),
        log_line("asked", url="redis://:marker-7f3a@redis:6379/0"),
    ):
        assert hides(said), said
    assert plain[-64:] not in log_line(f"shown: {plain}", at=f"/x?key={plain}")


def page_of(make, **request):
    """Return Django's own page about what happened, and the text for machines."""
    asked = RequestFactory().post("/somewhere", **request)
    try:
        make()
    except Exception:
        shown = technical_500_response(asked, *sys.exc_info()).content.decode()
        asked.META["HTTP_ACCEPT"] = "text/plain"
        text = technical_500_response(asked, *sys.exc_info()).content.decode()
        return shown + text + log_line("it failed")
    raise AssertionError("nothing failed")


@pytest.mark.parametrize("verify", [signatures.verify, authentication.verify])
def test_an_error_within_the_verification_shows_no_secret(settings, account, verify):
    settings.DEBUG = True
    keys_of = accounts.keys_of("retell", account.endpoint)
    more = {"now_ms": 1} if verify is signatures.verify else {}

    # Text instead of bytes: the error comes from inside the comparison.
    shown = page_of(
        lambda: verify("text", f"v=1,d={'0' * 64}", keys_of.secrets, **more)
    )

    assert "TypeError" in shown
    assert hides(shown)


def test_an_error_while_a_key_is_verified_shows_no_key(settings):
    settings.DEBUG = True
    _, plain = make_key(company=make_company())

    with away():
        shown = page_of(
            lambda: keys.verify(plain),
            QUERY_STRING=f"key={plain}",
            headers={"Authorization": f"Bearer {plain}", "X-Key": plain},
            data={"note": plain, "api_key": MARK},
        )

    assert "OperationalError" in shown
    assert plain[-64:] not in shown
    assert plain[-20:] not in shown
    assert hides(shown)


def test_a_door_that_fails_in_its_verification_says_nothing(
    client, settings, account, caplog
):
    settings.DEBUG = True
    settings.FIELD_ENCRYPTION_KEYS = []
    client.raise_request_exception = False

    answer = client.post(
        f"/api/webhooks/retell/{account.endpoint}", b"{}", "application/json"
    )

    assert answer.status_code == 500
    logged = "".join(formatter().format(record) for record in caplog.records)
    assert "ImproperlyConfigured" in logged
    assert hides(answer.content.decode() + logged + caplog.text)


@pytest.mark.parametrize("accept", ["text/html", "text/plain"])
def test_the_page_about_a_failed_form_shows_no_secret(settings, account, accept):
    """The secrets were typed: they are in the request when the row can't be read."""
    settings.DEBUG = True
    client = signed_in(make_member(company=account.company))
    client.raise_request_exception = False
    page = reverse("admin:tenants_provideraccount_change", args=[account.pk])
    right = list(settings.FIELD_ENCRYPTION_KEYS)

    settings.FIELD_ENCRYPTION_KEYS = []
    answer = client.post(
        page, SECRETS | {"is_active": "on"}, headers={"accept": accept}
    )

    shown = answer.content.decode()
    assert answer.status_code == 500
    assert "Traceback" in shown
    assert hides(shown)
    settings.FIELD_ENCRYPTION_KEYS = right
    assert stored().api_key == f"api-{MARK}"


def test_the_page_about_a_failed_insert_shows_no_secret(settings):
    """The secrets are in the form, in the row and in what the statement is made of."""
    settings.DEBUG = True
    company = make_company("salon")
    client = signed_in(make_member(company=company))
    client.raise_request_exception = False
    settings.FIELD_ENCRYPTION_KEYS = []

    answer = client.post(
        reverse("admin:tenants_provideraccount_add"), SECRETS | {"provider": "retell"}
    )

    shown = answer.content.decode()
    assert answer.status_code == 500
    assert "FIELD_ENCRYPTION_KEYS is empty" in shown
    assert hides(shown)
    with every_company():
        assert not ProviderAccount.objects.exists()


def test_the_page_shows_no_secret_of_the_settings(settings):
    settings.DEBUG = True
    settings.FIELD_ENCRYPTION_KEYS = [f"field-{MARK}"]
    settings.RETELL_API_KEY = settings.CALCOM_API_KEY = f"provider-{MARK}"
    settings.RETELL_WEBHOOK_KEYS = [f"webhook-{MARK}"]
    settings.CALCOM_WEBHOOK_SECRETS = [f"webhook-{MARK}"]
    settings.REDIS_URL = settings.CELERY_BROKER_URL = "redis://:marker-7f3a@redis/0"
    settings.CACHES = {"x": {"LOCATION": "redis://user:marker-7f3a@redis/0"}}
    settings.EMAIL_HOST_PASSWORD = MARK
    local = f"it failed for field-{MARK} and provider-{MARK}"

    def fail():
        unmarked = local
        raise ValueError(unmarked)

    shown = page_of(fail, data={"password": MARK, "totp_secret": MARK})

    assert "RETELL_API_KEY" in shown
    assert hides(shown)


def signed_in(user):
    client = Client(headers={"accept-language": "de"})
    client.force_login(user)
    return client


@pytest.mark.parametrize("role", ["owner", "desk", "read_only", "operator"])
def test_no_page_shows_a_secret(account, role):
    member = role != "operator"
    person = (
        make_member(company=account.company, role=role) if member else make_operator()
    )
    client = signed_in(person)
    change = reverse("admin:tenants_provideraccount_change", args=[account.pk])
    pages = [
        client.get(change),
        client.get(reverse("admin:tenants_provideraccount_changelist")),
        client.post(change, SECRETS | {"provider": "x", "base_url": "no address"}),
    ]

    assert pages[0].status_code == 200
    assert "retell" in pages[0].content.decode().lower()
    for page in pages:
        assert hides(page.content.decode())


def test_a_serializer_of_every_field_takes_a_secret_and_gives_none(account):
    class Everything(serializers.ModelSerializer):
        class Meta:
            model = ProviderAccount
            fields = "__all__"

    class Two(serializers.ModelSerializer):
        class Meta:
            model = ProviderAccount
            fields = ("base_url", "api_key")

    data = Everything(stored()).data
    taken = Two(data={"api_key": "typed"}, partial=True)

    assert "base_url" in data
    assert not set(SECRETS) & set(data)
    assert hides(json.dumps(data, default=str))
    assert taken.is_valid(), taken.errors
    assert taken.validated_data == {"api_key": "typed"}


def dump():
    out = StringIO()
    call_command("dumpdata", "tenants.ProviderAccount", database="owner", stdout=out)
    return out.getvalue()


def test_a_dump_holds_tokens_that_only_our_keys_open(account, tmp_path):
    dumped = dump()
    path = tmp_path / "accounts.json"
    path.write_text(dumped)
    with every_company():
        ProviderAccount.objects.update(api_key="changed")

    call_command("loaddata", str(path), database="owner", verbosity=0)

    assert hides(dumped)
    assert dumped.count("fernet:gAAAA") == len(SECRETS)
    assert stored().api_key == f"api-{MARK}"
