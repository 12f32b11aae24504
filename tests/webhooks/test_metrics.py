"""Figures for Prometheus: from rows, for whoever has the token, naming nobody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from integrations.sandbox import wire
from tenants.scoping import every_company
from tests import factories as make
from tests.system import eventually
from tests.tenants.test_keys import away
from tests.webhooks.test_doors import done, event, post
from webhooks import counts, providers
from webhooks.models import WebhookCount, WebhookPause

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def token(settings):
    settings.METRICS_TOKEN = TOKEN
    return {"authorization": f"Bearer {TOKEN}"}


def parsed(text):
    """Return ``{(name, sorted labels): value}``."""
    return {
        (one.name, *sorted(one.labels.items())): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
    }


def figure(found, name, **labels):
    return found.get((f"askpro_webhooks_{name}", *sorted(labels.items())))


def asked(client, token):
    reply = client.get("/metrics", headers=token)
    assert reply.status_code == 200, reply.content
    assert reply.headers["Content-Type"].startswith("text/plain; version=")
    return parsed(reply.content.decode())


def counted(account, event, **more):
    return make.make_count(account=account, event=event, **more)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "said", ["", TOKEN, f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer ", "Bearer é"]
)
def test_without_the_token_there_are_no_figures(client, token, said):
    reply = client.get("/metrics", headers={"authorization": said})

    assert reply.status_code == 401
    assert reply.json() == {"detail": "The token is missing or wrong."}
    assert reply.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
def test_without_the_setting_the_door_says_what_to_set(client, settings):
    settings.METRICS_TOKEN = ""

    for said in ("", "Bearer ", "Bearer x"):
        reply = client.get("/metrics", headers={"authorization": said})

        assert reply.status_code == 404
        assert "METRICS_TOKEN" in reply.json()["detail"]


@pytest.mark.django_db
def test_a_companys_key_opens_no_figures_of_all(client, token):
    _, key = make.make_key(company=make.make_company())

    reply = client.get("/metrics", headers={"authorization": f"Bearer {key}"})

    assert reply.status_code == 401


@pytest.mark.django_db
def test_sums_of_all_companies_by_provider_and_event(client, token):
    salon, garage = make.make_company("salon"), make.make_company("garage")
    for company in (salon, garage):
        account = make.make_account(company=company, provider="retell")
        counted(
            account,
            "call_ended",
            received=10,
            duplicates=4,
            processed=6,
            failed=3,
            failed_never=1,
            failed_person=2,
        )

    found = asked(client, token)

    by = {"provider": "retell", "event": "call_ended"}
    assert figure(found, "received_total", **by) == 20
    assert figure(found, "duplicates_total", **by) == 8
    assert figure(found, "processed_total", **by) == 12
    reasons = {
        reason: figure(found, "failed_total", reason=reason, **by)
        for reason in ("never", "later", "person", "unknown")
    }
    assert reasons == {"never": 2, "later": 0, "person": 4, "unknown": None}
    assert figure(found, "acknowledged_seconds_bucket", provider="retell", le="0.005")
    assert "salon" not in str(found)
    assert str(salon.pk) not in str(found)


@pytest.mark.django_db
def test_events_that_nobody_knows_make_no_labels(client, token):
    company = make.make_company()
    account = make.make_account(company=company, provider="retell")
    for number in range(50):
        counted(account, f"+4930{number}", received=1)
        make.make_delivery(
            account=account, event=f"maria{number}", state="received", company=company
        )

    found = asked(client, token)

    other = {"provider": "retell", "event": "other"}
    assert figure(found, "received_total", **other) == 50
    assert figure(found, "waiting", **other) == 50
    assert {dict(key[1:]).get("event") for key in found} <= {None, "other"}


@pytest.mark.django_db
def test_strangers_events_make_no_rows_of_their_own():
    account = make.make_account(company=None, provider="retell")
    for number in range(20):
        label = providers.label("retell", f"made up {number}")
        counts.received(account.pk, None, label, is_new=True, ms=1)
    counts.flush(is_last=True)

    with every_company():
        assert {row.event for row in WebhookCount.objects.all()} == {"other"}
    assert providers.label("a provider that is gone", "call_ended") == "other"


@pytest.mark.django_db
def test_what_waits_has_an_age_and_what_belongs_to_nobody_is_told(client, token):
    account = make.make_account(company=None, provider="calcom")
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    for state in ("received", "retrying", "processing", "done", "dead"):
        make.make_delivery(
            account=account,
            event="BOOKING_CREATED",
            state=state,
            received_at=an_hour_ago,
            next_try_at=an_hour_ago,
        )
    make.make_delivery(account=account, event="BOOKING_CREATED", state="unresolved")

    found = asked(client, token)

    by = {"provider": "calcom", "event": "BOOKING_CREATED"}
    assert figure(found, "waiting", **by) == 3
    assert 3600 <= figure(found, "oldest_waiting_seconds", **by) < 3700
    assert figure(found, "unresolved", **by) == 1
    assert figure(found, "provider_state", provider="calcom", state="late") == 1


@pytest.mark.django_db
def test_nothing_at_all_is_unknown_and_never_perfect(client, token):
    found = asked(client, token)

    for name in ("success_ratio", "acknowledged_p99_seconds", "duplicates_prevented"):
        assert figure(found, name) is None, name
    for name in ("success_ratio_of", "acknowledged_p99_of", "duplicates_prevented_of"):
        assert figure(found, name) == 0, name
    for provider in ("retell", "calcom"):
        assert figure(found, "provider_state", provider=provider, state="unknown") == 1
        assert figure(found, "provider_state", provider=provider, state="ok") == 0
        last = figure(found, "last_delivery_timestamp_seconds", provider=provider)
        assert last is None


@pytest.mark.django_db
def test_a_pause_is_told(client, token):
    with every_company():
        WebhookPause.objects.create(provider="retell", why="moving")

    found = asked(client, token)

    assert figure(found, "pauses") == 1
    assert figure(found, "provider_state", provider="retell", state="paused") == 1
    assert figure(found, "provider_state", provider="calcom", state="unknown") == 1


@pytest.mark.django_db
def test_while_postgresql_is_away_the_door_says_so(client, token):
    with away():
        reply = client.get("/metrics", headers=token)

    assert (reply.status_code, reply.json()) == (503, {"status": "down"})


def test_the_figures_outlive_the_processes_that_counted(system, salon):
    def scraped():
        reply = wire.send("GET", f"{system.web_url}/metrics", headers=HEADERS)
        assert reply.status == 200
        return parsed(reply.body.decode())

    def received(count):
        found = scraped()
        by = {"provider": "retell", "event": "call_started"}
        mine = (
            figure(found, "received_total", **by),
            figure(found, "duplicates_total", **by),
            figure(found, "processed_total", **by),
        )
        return mine == (count, count / 2, count / 2)

    first = event()
    for body in (first, first):
        assert post(system, body).status == 204
    done(1)
    eventually(lambda: received(2))

    system.restart("web")
    system.processes.wait_for("web", f"{system.web_url}/readyz")
    assert received(2)
    second = event()
    for body in (second, second):
        assert post(system, body).status == 204
    eventually(lambda: received(4))


HEADERS = {"Authorization": "Bearer metrics of the tests, 32 long...."}
