"""Whatever is remembered, counted or locked names its company, or is listed here.

Read from the sources, so that what is added later is asked for; then tried with a real
Redis, where two companies have the same ids of a provider.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier, Thread
from uuid import UUID, uuid4

import pytest
from django_redis import get_redis_connection

from bookings import slots
from bookings.calendars import Slot
from tenants import redis
from tests import salons
from tests.flows.test_book import begin, first_offer
from tests.test_architecture import ROOT, _written

#: Keys that hold for the whole installation, by file and first part, and why.
PLATFORM_KEYS = {
    ("integrations/breaker.py", "breaker"): "named by the account, which is one's own",
    ("integrations/retell/pace.py", "retell-pace"): "named by the account, one's own",
    ("webhooks/inbox.py", "seen"): "named by the account and a digest of the body",
    ("askpro/refusals.py", "refused"): "refused before a company is known: by address",
    ("tenants/tasks.py", "isolation_check"): "one break-in test at a time",
}
#: Who may speak with Redis without a key of :mod:`tenants.redis`, and why.
CONNECTS = {
    "tenants/redis.py": "makes the keys",
    "tenants/cache.py": "Django's cache, in which the sign-in counts tries",
    "tenants/management/commands/cache_clear.py": "deletes by keys of ``redis``",
}
#: What a process remembers, and how a company's rows stay with their company.
MEMORIES = {
    "tenants/accounts.py:_remembered": "by the webhook address of one account",
    "tenants/keys.py:_good": "by the digest of one key",
    "tenants/keys.py:_bad": "by the digest of what is no key",
    "tenants/key_authentication.py:_told": "by a company's key",
    "tenants/key_throttle.py:_counted": "by a company's key",
    "tenants/uses.py:_noted": "by the id of a key or account",
    "tenants/nudger.py:_batched": "names of tasks",
    "tenants/nudger.py:_keys": "keys that were made elsewhere",
    "tenants/nudger.py:_soon": "functions",
    "tenants/nudger.py:_threads": "threads",
    "tenants/admin_extras.py:EXTRA_PAGES": "pages, registered at start",
    "tenants/isolation/probes.py:_special": "functions, registered at start",
    "tenants/isolation/ways.py:_ways": "functions, registered at start",
    "tenants/isolation/ways.py:EXEMPT": "names of doors",
    "tenants/isolation/requests.py:_application": "the application",
    "tenants/readiness.py:_checks": "functions, registered at start",
    "tenants/readiness.py:_live_checks": "functions, registered at start",
    "tenants/numbers.py:_e164": "a number's spelling, by another",
    "tenants/addresses.py:_address": "an address' spelling, by another",
    "tenants/audit_words.py:model_of": "models, by table",
    "tenants/fields.py:_fernet": "the encryption's keys, of the environment",
    "tenants/opening_hours.py:interval": "two times of day, by their text",
    "bookings/hours.py:_holidays": "public holidays, by region and year",
    "bookings/calendars.py:_backend": "a class, of the settings",
    "bookings/slots.py:_flights": "by a question, which names its company",
    "bookings/language/numbers.py:_below_hundred": "words for numbers",
    "bookings/language/numbers.py:_ordinals": "words for numbers",
    "integrations/http.py:_sessions": "connections by address; they keep no cookie",
    "integrations/breaker.py:_local": "failures, by account",
    "integrations/mcp/registry.py:_tools": "tools, registered at start",
    "integrations/mcp/definitions.py:mcp_tool": "definitions, by tool",
    "integrations/mcp/schemas.py:arguments_of": "schemas, by tool",
    "integrations/mcp/schemas.py:input_of": "schemas, by tool",
    "integrations/mcp/schemas.py:output_of": "schemas, by tool",
    "integrations/mcp/askers.py:_unread": "functions, registered at start",
    "integrations/mcp/branches.py:_remembered": "by company and branch",
    "webhooks/providers/__init__.py:every": "providers, of the settings",
    "webhooks/inbox.py:_seen": "keys of deliveries, each with its account",
    "webhooks/counts.py:_tallies": "by account",
    "askpro/doors.py:_resolved": "views, by path",
    "askpro/embedded.py:_memberships": "locked files, by folder",
}
#: Advisory locks, by file, and what they are of.
LOCKS = {
    "bookings/occupancy.py": "a resource: a random UUID of the own staff or branch",
    "bookings/tasks.py": "the sweep of every company",
    "webhooks/tasks.py": "the sweep of every company",
    "webhooks/claims.py": "taking due deliveries of every company",
}
#: No part of the product's own doors: what is measured, shown, or a stranger.
APART = (("askpro", "bench"), ("askpro", "demo"), ("integrations", "sandbox"))
RECEIVERS = {"client", "r", "pipeline", "redis"}
QUESTIONS = {
    *("get", "set", "setex", "incr", "expire", "delete", "exists", "hget", "hset"),
    *("publish", "subscribe", "lock", "sadd", "rpush", "lpush", "scan", "keys"),
}
KEEPERS = {
    *("Memory", "OrderedDict", "deque", "dict", "set", "list", "defaultdict"),
    *("Counter", "WeakValueDictionary", "local", "LocMemCache"),
}


def _trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in _written():
        if path.parts[:2] not in APART:
            yield path, ast.parse((ROOT / path).read_text())


def _calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
                yield str(path), node


# --- read from the sources --------------------------------------------------------


def test_a_key_for_the_whole_installation_is_listed():
    found = {
        (path, ast.literal_eval(call.args[0])) for path, call in _calls("platform_key")
    }

    assert found == set(PLATFORM_KEYS)


def test_a_companys_key_begins_with_the_company():
    calls = list(_calls("company_key"))

    assert len(calls) >= 9
    for path, call in calls:
        first = ast.unparse(call.args[0])
        is_company = first.endswith("company_id") or first in (
            *("company.pk", "probes.theirs.id", "probes.mine.id"),
        )
        assert is_company, f"{path}: {first}"


def test_nobody_makes_a_key_by_hand():
    for path, tree in _trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(
                node.func, ast.Attribute
            ):
                continue
            receiver = ast.unparse(node.func.value).rpartition(".")[2]
            if receiver in RECEIVERS and node.func.attr in QUESTIONS and node.args:
                by_hand = isinstance(node.args[0], ast.Constant | ast.JoinedStr)
                assert not by_hand, f"{path}: {ast.unparse(node)}"
        if str(path) != "tenants/redis.py":
            assert '"askpro:' not in ast.unparse(tree).replace("'", '"'), path


def test_only_one_module_speaks_with_redis():
    forbidden = re.compile(
        r"get_redis_connection|django\.core\.cache|from_url|StrictRedis|caches\["
    )
    found = {
        str(path) for path, _ in _trees() if forbidden.search((ROOT / path).read_text())
    }

    assert found == set(CONNECTS)


def test_every_memory_of_a_process_is_listed():
    found = {f"{path}:{name}" for path, tree in _trees() for name in _memories(tree)}

    assert found - set(MEMORIES) == set()
    assert set(MEMORIES) - found == set()


def _memories(tree: ast.Module) -> Iterator[str]:
    for one in tree.body:
        if isinstance(one, ast.Assign | ast.AnnAssign) and _keeps(one.value):
            target = one.targets[0] if isinstance(one, ast.Assign) else one.target
            yield ast.unparse(target)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for by in node.decorator_list:
                if ast.unparse(by).partition("(")[0] in ("cache", "lru_cache"):
                    yield node.name


def _keeps(value: ast.expr | None) -> bool:
    """Tell whether it is an empty container: what begins full is a constant."""
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List | ast.Set):
        return not value.elts
    if isinstance(value, ast.Call):
        name = ast.unparse(value.func).rpartition(".")[2].partition("[")[0]
        return name in KEEPERS and not value.args
    return False


def test_every_lock_is_listed():
    found = {
        str(path)
        for path, _ in _trees()
        if re.search(r"SELECT pg_\w*advisory", (ROOT / path).read_text())
    }

    assert found == set(LOCKS)


# --- tried --------------------------------------------------------------------------

BEGIN = datetime(2030, 1, 7, tzinfo=UTC)
END = BEGIN + timedelta(days=7)


class Calendar:
    """Knows one free start, and may wait for the other company's calendar."""

    def __init__(self, hour: int, *, together: Barrier | None = None) -> None:
        self.free = BEGIN + timedelta(hours=hour)
        self.together = together
        self.asked = 0

    def free_slots(self, **_):
        self.asked += 1
        if self.together:
            self.together.wait(5)
        return [Slot(self.free, self.free + timedelta(minutes=30))]


def _read(calendar, company_id: UUID):
    question = slots.Question(company_id, 2026361, BEGIN, END)
    return slots.read(lambda: calendar, question, timeout_s=5)


def test_the_same_event_type_has_its_own_slots_in_each_company():
    salon, garage = uuid4(), uuid4()
    first, second = Calendar(9), Calendar(14)

    assert _read(first, salon) == [first.free]
    assert _read(second, garage) == [second.free]
    assert _read(second, salon) == [first.free]
    assert (first.asked, second.asked) == (1, 1)

    slots.forget(salon, 2026361)
    assert _read(second, garage) == [second.free]
    assert second.asked == 1


def test_equal_questions_of_two_companies_at_once_are_two():
    together = Barrier(2)
    calendars = {uuid4(): Calendar(hour, together=together) for hour in (9, 14)}
    heard = {}
    threads = [
        Thread(target=lambda one=one: heard.update({one: _read(calendars[one], one)}))
        for one in calendars
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert heard == {one: [it.free] for one, it in calendars.items()}


@pytest.mark.django_db
def test_what_a_whole_call_leaves_in_redis_names_its_company(system):
    client = get_redis_connection("default")
    for key in client.scan_iter(redis.OURS):
        client.delete(key)
    branch = salons.make(system, slug="friseur")
    caller = begin(system)
    offer_id = first_offer(caller)["offer_id"]
    found = {key.decode() for key in client.scan_iter()}
    caller.tool("create_booking", name="Rita Rasch", offer_id=offer_id)
    caller.hang_up()
    found |= {key.decode() for key in client.scan_iter()}
    own = redis.company_key(branch.company_id, "")
    listed = tuple(redis.platform_key(name) for _, name in PLATFORM_KEYS)
    ours = {key for key in found if key.startswith("askpro:")}

    assert any(key.startswith(own) for key in ours)
    assert [key for key in ours if not key.startswith((own, *listed))] == []
    for key in found - ours:
        assert re.match(r"_kombu|unacked|celery|live|inbox|background|:1:", key), key
