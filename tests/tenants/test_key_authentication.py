"""What a machine's key opens, at the first doors that take one: the health doors."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tenants import key_authentication, keys, redis, uses
from tenants.models import ApiKey, AuditEntry
from tenants.scoping import every_company, scope
from tests.factories import (
    make_account,
    make_branch,
    make_company,
    make_delivery,
    make_key,
    make_tool_call,
)
from tests.system import eventually
from tests.tenants.test_keys import away

pytestmark = pytest.mark.django_db

DOORS = ["/api/webhooks/health", "/api/mcp/health"]


@pytest.fixture(autouse=True)
def _nothing_remembered():
    for memory in (keys._good, keys._bad, uses._noted, key_authentication._told):
        memory.clear()


def knock(client, door, plain=None, **more):
    headers = {} if plain is None else {"authorization": f"Bearer {plain}"}
    return client.get(door, headers=headers | more.pop("headers", {}), **more)


def trail():
    with every_company():
        return list(AuditEntry.objects.filter(action="key_used"))


def nothing_happened():
    with every_company():
        used = ApiKey.objects.exclude(last_used_at=None)
        return trail() == [] and not used.exists() and len(uses._noted) == 0


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_hears_a_word(client, door, method):
    make_delivery(account=make_account(company=make_company()))

    answer = getattr(client, method)(door)

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert nothing_happened()


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_key_tells_its_own_companys_deliveries_and_no_others(client, method):
    ours, theirs = make_company(), make_company()
    _, plain = make_key(company=ours)
    _, their_plain = make_key(company=theirs)
    own = make_account(company=ours, provider="retell")
    foreign = make_account(company=theirs, provider="calcom")
    platform = make_account(company=None, provider="retell")
    at = datetime.now(UTC)
    make_delivery(account=own, company=ours, received_at=at)
    make_delivery(account=platform, company=ours, state="dead", received_at=at)
    waiting = {"state": "received", "next_try_at": at - timedelta(hours=1)}
    make_delivery(account=own, received_at=at, **waiting)
    for company in (theirs, None):
        make_delivery(account=foreign, company=company, **waiting)
    make_delivery(account=platform, **waiting)

    told = getattr(client, method)(
        DOORS[0], headers={"authorization": f"Bearer {plain}"}
    ).json()
    told_them = knock(client, DOORS[0], their_plain).json()

    by_provider = {one["provider"]: one for one in told["providers"]}
    assert told["status"] == "late"
    assert told["backlog"] == {"waiting": 1, "overdue": 1, "oldest_at": shown(at)}
    assert by_provider["retell"].pop("backlog_age_s") >= 0
    assert by_provider["retell"] == {
        "provider": "retell",
        "state": "late",
        "last_delivery_at": shown(at),
        "backlog": told["backlog"],
        "paused_at": None,
        "has_own_account": True,
        "deliveries": 2,
        "done": 1,
        "failed": 1,
    }
    assert by_provider["calcom"]["state"] == "unknown"
    assert by_provider["calcom"]["deliveries"] == 0
    assert told["objectives"]["success_rate"] == {"value": 0.5, "of": 2}
    own_ones = [one for one in told_them["providers"] if one["has_own_account"]]
    assert [one["provider"] for one in own_ones] == ["calcom"]
    assert told_them["backlog"]["waiting"] == 2


def shown(at):
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_key_tells_its_own_companys_tools_and_no_others(client):
    ours, theirs = make_company(), make_company()
    _, plain = make_key(company=ours)
    make_account(company=ours, provider="calcom")
    make_account(company=theirs, provider="retell")
    make_tool_call(company=ours)
    for company in (ours, theirs, None):
        make_tool_call(company=company, code="internal", is_success=False)

    told = knock(client, DOORS[1], plain).json()

    assert told.pop("last_call_at")
    assert told == {
        "status": "ok",
        "calls": 2,
        "failed": 1,
        "circuits": {"calcom": "closed"},
    }


def ended_keys():
    """Return keys that opened the door once, by why they no longer do."""
    company = make_company()
    expired, expired_plain = make_key(company=company)
    revoked, revoked_plain = make_key(company=company)
    with every_company():
        ApiKey.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    keys.revoke(revoked)
    _, plain = make_key(company=company)
    return {
        "malformed": "askpro_test_1_2",
        "unknown": plain[:-64] + "0" * 64,
        "expired": expired_plain,
        "revoked": revoked_plain,
    }


@pytest.mark.parametrize("door", DOORS)
def test_keys_that_open_nothing_are_refused_alike_and_store_nothing(client, door):
    answers = [
        knock(client, door, plain, headers={"accept-language": "en"})
        for plain in ended_keys().values()
    ]

    assert {answer.status_code for answer in answers} == {401}
    assert {answer.content for answer in answers} == {
        b'{"detail":"The key is missing or wrong."}'
    }
    assert {answer["WWW-Authenticate"] for answer in answers} == {"Bearer"}
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
    assert nothing_happened()


@pytest.mark.parametrize("why", ["malformed", "unknown", "expired", "revoked"])
def test_each_refusal_stores_nothing_where_a_good_key_does(client, why):
    _, good = make_key(company=make_company())

    assert knock(client, DOORS[0], ended_keys()[why]).status_code == 401
    assert nothing_happened()

    assert knock(client, DOORS[0], good).status_code == 200
    assert not nothing_happened()


def test_a_key_without_the_scope_is_refused_and_stores_nothing(client):
    _, plain = make_key(company=make_company(), scopes=["rest", "booking"])
    assert keys.verify(plain) is not None

    answer = knock(client, DOORS[0], plain)

    assert answer.status_code == 403
    assert "scope" in answer.json()["detail"]
    assert nothing_happened()


@pytest.mark.parametrize(
    "where",
    [
        "key={}",
        "authorization=Bearer+{}",
        "x=1&y={}",
        "%61skpro{cut}",
        "api_key=%20{}",
    ],
)
def test_a_key_in_the_address_is_refused_and_logged_nowhere(client, caplog, where):
    _, plain = make_key(company=make_company())
    query = where.format(plain, cut=plain.removeprefix("askpro"))

    answer = knock(client, f"{DOORS[0]}?{query}")
    with_header = knock(client, f"{DOORS[0]}?{query}", plain)

    for refused in (answer, with_header):
        assert refused.status_code == 401
        assert "address" in refused.json()["detail"]
        assert plain[-64:] not in refused.content.decode()
    assert plain[-64:] not in caplog.text
    assert nothing_happened()


@pytest.mark.parametrize(
    "header",
    [
        "{}",
        "Bearer",
        "Bearer {} {}",
        "Token {}",
        "Basic {basic}",
        "Bearer {}, Bearer x",
    ],
)
def test_a_key_counts_as_a_bearer_only(client, header):
    _, plain = make_key(company=make_company())
    basic = base64.b64encode(f"x:{plain}".encode()).decode()

    answer = client.get(
        DOORS[0],
        headers={"authorization": header.format(plain, plain, basic=basic)},
    )

    assert answer.status_code == 401
    assert nothing_happened()


def test_a_key_in_another_header_or_in_a_cookie_is_none(client):
    _, plain = make_key(company=make_company())
    client.cookies["Authorization"] = f"Bearer {plain}"

    answer = client.get(DOORS[0], headers={"x-api-key": plain})

    assert answer.json() == {"status": "ok"}
    assert nothing_happened()


def test_the_scheme_is_read_in_any_case(client):
    _, plain = make_key(company=make_company())

    answer = client.get(DOORS[0], headers={"authorization": f"bEaReR  {plain} "})

    assert "backlog" in answer.json()


def test_a_use_is_told_to_the_trail_of_its_company_once_an_hour_and_address(
    client, settings
):
    settings.TRUSTED_PROXY_COUNT = 1
    ours, theirs = make_company(), make_company()
    row, plain = make_key(company=ours)
    make_key(company=theirs)

    for address in ("203.0.113.9", "203.0.113.9", "203.0.113.10"):
        knock(client, DOORS[0], plain, headers={"x-forwarded-for": address})
        # Another process tells it no second time either.
        key_authentication._told.clear()

    entries = sorted(trail(), key=lambda one: one.address)
    assert [one.address for one in entries] == ["203.0.113.10", "203.0.113.9"]
    assert {(one.actor, one.actor_name) for one in entries} == {("key", row.prefix)}
    assert {one.subject_id for one in entries} == {str(row.pk)}
    assert {one.company_id for one in entries} == {ours.pk}
    with scope(theirs.pk):
        assert not AuditEntry.objects.filter(action="key_used").exists()


def test_a_seen_key_costs_the_door_no_statement(client):
    _, plain = make_key(company=make_company())
    knock(client, DOORS[0], plain)

    with CaptureQueriesContext(connection) as with_key:
        knock(client, DOORS[0], plain)

    assert not [
        one["sql"]
        for one in with_key
        if "apikey" in one["sql"] or "audit" in one["sql"]
    ]


def test_a_use_is_written_into_the_row_once_a_minute():
    row, _ = make_key(company=make_company())
    at = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

    def write(seconds, address):
        return uses.write_key(
            str(row.pk),
            company_id=str(row.company_id),
            at=at + timedelta(seconds=seconds),
            address=address,
        )

    written = [write(0, "1.2.3.4"), write(59, "1.2.3.5"), write(61, "1.2.3.6")]

    with every_company():
        row.refresh_from_db()
    assert written == [True, False, True]
    assert row.last_used_at == at + timedelta(seconds=61)
    assert row.last_used_from == "1.2.3.6"


def test_a_use_is_written_into_no_row_of_another_company():
    row, _ = make_key(company=make_company())

    assert not uses.write_key(
        str(row.pk),
        company_id=str(make_company().pk),
        at=timezone.now(),
        address=None,
    )

    with every_company():
        row.refresh_from_db()
    assert row.last_used_at is None


def test_a_key_of_a_branch_sees_its_company_alone(client):
    ours = make_company()
    _, plain = make_key(company=ours, branch=make_branch(company=ours))

    assert "backlog" in knock(client, DOORS[0], plain).json()


def test_a_door_says_that_it_cannot_verify_while_postgresql_is_away(client):
    _, plain = make_key(company=make_company())

    with away():
        answer = knock(client, DOORS[0], plain)

    assert answer.status_code == 503
    assert answer.json()["status"] == "down"
    assert answer["Retry-After"] == "2"


@pytest.mark.parametrize(
    ("language", "words"),
    [("de", "Zu viele Anfragen"), ("en", "Too many requests"), ("", "Zu viele")],
)
def test_a_key_that_asks_too_often_is_told_when_to_come_back(
    client, settings, language, words
):
    settings.KEY_REQUESTS_PER_MINUTE = 3
    _, plain = make_key(company=make_company())
    _, other = make_key(company=make_company())

    answers = [
        knock(client, DOORS[0], plain, headers={"accept-language": language})
        for _ in range(5)
    ]

    assert [one.status_code for one in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].json()["code"] == "rate_limited"
    assert answers[-1].json()["detail"].startswith(words)
    assert 1 <= int(answers[-1]["Retry-After"]) <= 100
    assert knock(client, DOORS[0], other).status_code == 200


def test_the_count_is_kept_under_the_companys_name(client):
    company = make_company()
    row, plain = make_key(company=company)

    pattern = redis.company_key(company.pk, "key-rate", row.pk, "*")

    def kept():
        # While Redis is too busy to answer at once, each process counts for itself.
        knock(client, DOORS[0], plain)
        return redis.ask(lambda c: len(list(c.scan_iter(match=pattern))), otherwise=0)

    assert eventually(kept)
