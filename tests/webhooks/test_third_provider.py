"""One provider more is one package and one setting: the product knows none by name."""

from __future__ import annotations

import time
import uuid

import pytest

from askpro.demo.processes import BASE_DIR
from bookings.models import Callback
from integrations.sandbox import wire
from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from tests import salons
from tests.system import SALON_NUMBER, eventually
from tests.webhooks import third
from webhooks.models import WebhookLog

OTHER_NUMBER = "+493083793370"


def _restart(system, **environment):
    for name in ("web", "background"):
        system.restart(name, **environment)
    system.processes.wait_for("web", f"{system.web_url}/readyz")


@pytest.fixture(scope="module")
def knowing(running_system):
    """Web and worker that know the third provider."""
    _restart(running_system, DJANGO_SETTINGS_MODULE="tests.webhooks.third_settings")
    yield
    _restart(running_system)


@pytest.fixture
def served(knowing, system):
    """The system, which knows the third provider."""
    return system


@pytest.fixture
def account(served):
    branch = salons.make(served)
    with every_company():
        return ProviderAccount.objects.create(
            company=branch.company,
            provider="third",
            base_url="https://third.example",
            webhook_secret="new key",
            webhook_secret_previous="old key",
        )


def wish(**more):
    body = {
        "kind": "callback_wanted",
        "conversation": f"talk_{uuid.uuid4().hex}",
        "dialled": SALON_NUMBER,
        "caller": "+493023125042",
    }
    return wire.compact(body | more)


def post(system, account, raw, *, key="new key", at_s=None, signed=None):
    at_s = int(time.time()) if at_s is None else at_s
    header = third.sign(raw if signed is None else signed, key, at_s)
    return wire.send(
        "POST",
        f"{system.web_url}/api/webhooks/third/{account.endpoint}",
        raw,
        headers={"X-Third-Signature": header},
    )


def logs():
    with every_company():
        return list(WebhookLog.objects.filter(provider="third").order_by("received_at"))


def test_a_third_provider_is_verified_kept_and_worked_on(served, account):
    raw, old = wish(), wish()

    replies = [
        post(served, account, raw),
        post(served, account, raw),
        post(served, account, old, key="old key"),
    ]

    assert [one.status for one in replies] == [204, 204, 204]
    eventually(lambda: [one.state for one in logs()] == ["done", "done"])
    assert {one.company_id for one in logs()} == {account.company_id}
    with scope(account.company_id):
        kept = [one.reason for one in Callback.objects.order_by("created_at")]
    assert kept == [one.correlation_id for one in logs()]


def test_what_is_forged_changed_or_old_is_refused(served, account):
    raw = wish()

    refused = [
        post(served, account, raw, key="a guess"),
        post(served, account, raw, signed=wish()),
        post(served, account, raw, at_s=int(time.time()) - third.MAX_AGE_S - 5),
        wire.send("POST", f"{served.web_url}/api/webhooks/third", raw),
    ]

    assert {one.status for one in refused} == {401}
    assert logs() == []


def test_its_account_reaches_no_other_company(served, account):
    other = salons.make(served, slug="werkstatt", number=OTHER_NUMBER)

    post(served, account, wish(dialled=OTHER_NUMBER))

    eventually(lambda: [one.state for one in logs()] == ["unresolved"])
    with scope(other.company_id):
        assert not Callback.objects.exists()


def test_an_event_that_it_does_not_know_is_kept_and_ignored(served, account):
    post(served, account, wish(kind="weather"))

    eventually(lambda: [one.state for one in logs()] == ["ignored"])


def test_no_file_of_the_product_names_it():
    apps = ("askpro", "tenants", "bookings", "integrations", "webhooks")
    sources = [path for app in apps for path in (BASE_DIR / app).rglob("*.py")]

    assert len(sources) > 200
    assert not [path for path in sources if "webhooks.third" in path.read_text()]
