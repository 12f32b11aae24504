"""Guessing is slowed, sending too much is refused, and neither reveals anything."""

from __future__ import annotations

import gzip
import socket
import time
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import time_machine

from askpro.demo.processes import Processes
from integrations.sandbox import wire
from tenants import redis
from tenants.models import ProviderAccount
from tenants.scoping import every_company
from tests.factories import make_company
from tests.system import free_port
from tests.webhooks.test_doors import event, logs

pytestmark = pytest.mark.django_db

KEY = "key of the salon"
RETELL = "/api/webhooks/retell"
NOBODYS = "01010101-0101-4101-8101-010101010101"
LIMIT = 3


@pytest.fixture
def door():
    """The address of a company's own account."""
    company = make_company()
    with every_company():
        own = ProviderAccount.objects.create(
            company=company, provider="retell", webhook_secret=KEY
        )
    return f"{RETELL}/{own.endpoint}"


@pytest.fixture
def patience(settings):
    """Few refusals a minute, none of them used up."""
    settings.REFUSALS_PER_MINUTE = LIMIT
    forget()
    with time_machine.travel("2026-11-27T09:00:30Z", tick=False):
        yield settings


def forget():
    for key in counters():
        redis.client().delete(key)


def counters():
    return list(redis.client().scan_iter("askpro:platform:refused:*"))


def knock(client, *, key="a guess", path=RETELL, **headers):
    raw = wire.compact(event("call_levitated"))
    signature = wire.signature(raw, key, int(time.time() * 1000))
    headers |= {"HTTP_X_RETELL_SIGNATURE": signature}
    return client.post(path, raw, "application/json", **headers)


def guess(client, **headers):
    return [knock(client, **headers).status_code for _ in range(LIMIT + 2)]


def test_a_good_proof_never_waits_and_is_never_counted(client, patience, door):
    assert knock(client, key=KEY, path=door).status_code == 204
    assert counters() == []

    assert guess(client, path=door) == [401] * LIMIT + [429] * 2
    good = [knock(client, key=KEY, path=door).status_code for _ in range(5)]

    assert good == [204] * 5
    assert {log.event for log in logs()} == {"call_levitated"}


def test_the_next_minute_begins_anew(client, patience):
    guess(client)

    with time_machine.travel("2026-11-27T09:01:00Z", tick=False):
        assert knock(client).status_code == 401


def test_each_address_is_counted_by_itself(client, patience):
    patience.TRUSTED_PROXY_COUNT = 1
    assert guess(client, HTTP_X_FORWARDED_FOR="198.51.100.7")[-1] == 429

    assert knock(client, HTTP_X_FORWARDED_FOR="198.51.100.8").status_code == 401
    # What a client invents stands left of what our proxy saw.
    said = "203.0.113.1, 198.51.100.7"
    assert knock(client, HTTP_X_FORWARDED_FOR=said).status_code == 429


def test_a_network_of_ipv6_is_one_address(client, patience):
    assert guess(client, REMOTE_ADDR="2001:db8:1:2::1")[-1] == 429

    assert knock(client, REMOTE_ADDR="2001:db8:1:2:3:4:5:6").status_code == 429
    assert knock(client, REMOTE_ADDR="2001:db8:1:3::1").status_code == 401


def test_an_address_that_nobody_has_answers_like_a_wrong_signature(client, door):
    for beginning, end in (("webhooks", ""), ("mcp", "/functions")):
        replies = [
            knock(client, path=path.replace("webhooks", beginning) + end)
            for path in (door, f"{RETELL}/{NOBODYS}")
        ]
        known, unknown = (
            (one.status_code, one.content, sorted(one.headers.items()))
            for one in replies
        )
        assert known == unknown
        assert known[0] == 401


def test_looking_for_an_address_costs_the_same_whether_it_exists(
    client, door, django_assert_num_queries
):
    for path in (door, f"{RETELL}/{NOBODYS[:-1]}2"):
        with django_assert_num_queries(2):
            assert knock(client, path=path).status_code == 401


def test_what_is_packed_is_never_unpacked(client, door):
    raw = gzip.compress(wire.compact(event()) + b" " * 1_000_000)
    signature = wire.signature(raw, KEY, int(time.time() * 1000))

    reply = client.post(
        door,
        raw,
        "application/json",
        HTTP_X_RETELL_SIGNATURE=signature,
        HTTP_CONTENT_ENCODING="gzip",
    )

    assert reply.status_code == 400
    assert logs() == []


@pytest.mark.parametrize("said", ["-1", "1e3", "٣", "9" * 400])
def test_an_odd_length_is_refused(client, said):
    reply = client.post(RETELL, b"{}", "application/json", CONTENT_LENGTH=said)

    assert reply.status_code in (400, 413)
    assert logs() == []


@pytest.fixture(scope="module")
def web(django_db_setup, tmp_path_factory):
    """A web process that waits for nobody long, and one that reaches no Redis."""
    limit = {"REFUSALS_PER_MINUTE": str(LIMIT)}
    with (
        Processes(tmp_path_factory.mktemp("web"), **limit) as web,
        Processes(
            tmp_path_factory.mktemp("alone"),
            **limit,
            REDIS_URL="redis://127.0.0.1:1/0",
        ) as alone,
    ):
        yield started(web, "web"), started(alone, "alone")


def started(processes, name):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    processes.start(name, "web", "--port", str(port), "--threads", "4")
    processes.wait_for(name, f"{url}/healthz")
    return url


def test_over_http_guessing_is_slowed_and_without_redis_nobody_waits(web):
    forget()
    with_redis, without = web

    def statuses(url):
        return {wire.send("POST", url + RETELL, b"{}").status for _ in range(12)}

    assert statuses(with_redis) == {401, 429}
    assert statuses(without) == {401}


def said_to(url, *parts):
    """Send bytes as they are; return what comes back until the line is closed."""
    where = urlsplit(url)
    address, heard = (where.hostname, where.port), b""
    with socket.create_connection(address, timeout=30) as line, suppress(OSError):
        for part in parts:
            line.sendall(part)
        while more := line.recv(65536):
            heard += more
            if b"\r\n\r\n" in heard:
                break
    return heard


BEGINNING = b"POST /api/webhooks/retell HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def test_more_headers_than_anybody_needs_are_431(web):
    many = b"".join(b"X-%d: y\r\n" % number for number in range(150))
    assert b" 431 " in said_to(web[0], BEGINNING, many, b"\r\n")

    long = b"X-Long: " + b"y" * 500_000 + b"\r\n"
    heard = said_to(web[0], BEGINNING, long, b"\r\n")
    # Whoever is still sending hears that the line is cut, and maybe not why.
    assert heard == b"" or b" 431 " in heard


def test_a_client_that_never_ends_its_headers_is_let_go(web):
    assert said_to(web[0], BEGINNING) == b""


def test_a_body_without_a_length_is_411(web):
    chunks = b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    assert b" 411 " in said_to(web[0], BEGINNING, chunks)
    assert logs() == []


def test_a_body_that_is_announced_too_large_is_not_waited_for(web):
    heard = said_to(web[0], BEGINNING, b"Content-Length: 999999999\r\n\r\n{")
    assert b" 413 " in heard
    assert logs() == []
