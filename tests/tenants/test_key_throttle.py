"""A key's limit over HTTP: one count for all processes, open doors without Redis."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from askpro.demo.processes import Processes
from integrations.sandbox import wire
from tenants.models import ApiKey, AuditEntry
from tenants.scoping import every_company
from tests.factories import make_company, make_key
from tests.system import eventually, free_port

pytestmark = pytest.mark.django_db

LIMIT = 5
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def doors(django_db_setup, tmp_path_factory):
    """Return the addresses of two web processes, and of one that reaches no Redis."""
    limit = {"KEY_REQUESTS_PER_MINUTE": str(LIMIT)}
    with (
        Processes(tmp_path_factory.mktemp("web"), **limit) as web,
        Processes(
            tmp_path_factory.mktemp("alone"), **limit, REDIS_URL=NOWHERE
        ) as alone,
    ):
        web.start("background", "worker", "--queues", "background")
        yield [
            started(web, "one"),
            started(web, "two"),
            started(alone, "three"),
        ]


def started(processes, name):
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    processes.start(name, "web", "--port", str(port), "--threads", "8")
    processes.wait_for(name, f"{url}/healthz")
    return f"{url}/api/mcp/health"


def knock(url, plain):
    return wire.send("GET", url, None, headers={"Authorization": f"Bearer {plain}"})


def test_all_processes_share_one_count_and_each_key_has_its_own(doors):
    _, plain = make_key(company=make_company())
    _, other = make_key(company=make_company())

    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: knock(doors[n % 2], plain), range(4 * LIMIT)))

    assert Counter(reply.status for reply in replies) == {200: LIMIT, 429: 3 * LIMIT}
    refused = next(reply for reply in replies if reply.status == 429)
    assert refused.json()["code"] == "rate_limited"
    assert int(refused.headers["retry-after"]) > 0
    assert knock(doors[0], other).status == 200


def test_without_redis_a_process_counts_by_itself(doors):
    _, plain = make_key(company=make_company())

    replies = [knock(doors[2], plain) for _ in range(LIMIT + 2)]

    assert [reply.status for reply in replies] == [200] * LIMIT + [429] * 2


def test_a_use_reaches_the_row_and_the_trail(doors):
    row, plain = make_key(company=make_company())

    for door in doors[:2]:
        assert knock(door, plain).status == 200

    def used():
        with every_company():
            return ApiKey.objects.exclude(last_used_at=None).first()

    found = eventually(used)
    assert (found.pk, found.last_used_from) == (row.pk, "127.0.0.1")
    with every_company():
        entry = AuditEntry.objects.get(action="key_used")
    assert (entry.actor_name, entry.address) == (row.prefix, "127.0.0.1")
