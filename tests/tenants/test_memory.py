"""What a process remembers is fresh for a while, and bounded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tenants.memory import Memory


def test_a_value_is_fresh_for_its_time_and_stale_after():
    memory = Memory(most=10)
    memory.put("fresh", 1, for_s=60)
    memory.put("old", 2, for_s=-1)

    assert (memory.get("fresh"), memory.get("old")) == (1, None)
    assert (memory.stale("old"), memory.stale("never")) == (2, None)


def test_the_oldest_goes_where_it_is_full():
    memory = Memory(most=2)
    for name in ("a", "b", "a", "c"):
        memory.put(name, name, for_s=60)

    assert [memory.get(name) for name in "abc"] == ["a", None, "c"]
    assert len(memory) == 2


def test_of_many_threads_one_claims_and_none_is_in_the_way_of_another():
    memory = Memory(most=50)

    def work(number):
        memory.put(number, number, for_s=60)
        memory.forget(number - 1)
        memory.get(number)
        return memory.claim("the one", True, for_s=60)

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(work, range(40)))

    assert sum(claims) == 1
    assert len(memory) <= 50


def test_what_is_forgotten_can_be_claimed_again():
    memory = Memory(most=2)
    assert memory.claim("x", True, for_s=60)
    assert not memory.claim("x", True, for_s=60)

    memory.forget("x")
    assert memory.claim("x", True, for_s=-1)

    assert memory.claim("x", True, for_s=60)
    memory.clear()
    assert len(memory) == 0
