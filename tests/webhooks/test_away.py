"""PostgreSQL is away: 503, so that the provider repeats; never a word for no row."""

from __future__ import annotations

import time

import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from askpro import doors
from integrations.sandbox import wire
from tenants import accounts, redis
from tenants.scoping import every_company
from tests import factories as make
from tests.system import eventually
from tests.webhooks.test_doors import event
from webhooks import inbox
from webhooks.models import WebhookLog

pytestmark = pytest.mark.django_db
KEY = "the key of the platform"


@pytest.fixture
def account():
    # The door remembers the platform's account for some seconds.
    accounts._remembered.clear()
    return make.make_account(company=None, provider="retell", webhook_secret=KEY)


def post(body):
    raw = wire.compact(body)
    return Client(raise_request_exception=False).post(
        "/api/webhooks/retell",
        raw,
        content_type="application/json",
        headers={
            "X-Retell-Signature": wire.signature(raw, KEY, int(time.time() * 1000))
        },
    )


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_what_could_not_be_kept_is_503_and_is_kept_when_it_comes_again(
    account, monkeypatch, error
):
    body = event()

    def gone(values):
        raise error("the connection broke")

    with monkeypatch.context() as broken:
        broken.setattr(inbox._INSERT, "run", gone)
        refused = [post(body) for _ in range(2)]
    kept = post(body)

    assert {one.status_code for one in refused} == {503}
    assert refused[0].headers["Retry-After"] == str(doors.AWAY_S)
    assert "broke" not in refused[0].content.decode()
    assert kept.status_code == 204
    with every_company():
        assert [log.event for log in WebhookLog.objects.all()] == ["call_started"]


def test_redis_never_knows_of_what_was_not_kept(account, monkeypatch):
    body = event()

    def gone(values):
        raise OperationalError("the server closed the connection")

    monkeypatch.setattr(inbox, "_alert_until", time.monotonic() + 60)
    before = _known_to_redis()
    with monkeypatch.context() as broken:
        broken.setattr(inbox._INSERT, "run", gone)
        post(body)
    time.sleep(0.2)  # what is told Redis later, by another thread

    assert _known_to_redis() == before
    assert post(body).status_code == 204
    assert eventually(lambda: len(_known_to_redis() - before) == 1)


def _known_to_redis():
    return set(redis.ask(lambda client: client.keys("*:seen:*"), otherwise=[]))
