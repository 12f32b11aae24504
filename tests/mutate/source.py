"""Parts of the wall in the code: one line changed, and the tests that must notice."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Change:
    """A line of a file, what it becomes, and which tests must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


CHANGES = [
    Change(
        "a cache key without its company",
        "tenants/redis.py",
        '"company", str(company_id), *map',
        '"company", *map',
        ("tests/test_incidents_b.py",),
    ),
    Change(
        "a number beyond the verifying account",
        "tenants/resolver.py",
        "(within is not None and found[0] != within)",
        "False",
        ("tests/tenants/isolation/test_check.py",),
    ),
    Change(
        "a connection that believes after a savepoint",
        "tenants/database/base.py",
        "        with self._forgetting(), self._quiet():",
        "        with self._quiet():",
        ("tests/tenants/test_wall_machine.py",),
    ),
    Change(
        "a connection that believes after a roll-back",
        "tenants/database/base.py",
        "    def _rollback(self) -> None:\n        with self._forgetting():",
        "    def _rollback(self) -> None:\n        with self._quiet():",
        ("tests/tenants/test_scoping.py",),
    ),
    Change(
        "the platform's rows among a company's",
        "tenants/admin_pages.py",
        "rows = rows.filter(company__isnull=False)",
        "rows = rows.all()",
        ("tests/askpro/admin_wall/test_operators.py",),
    ),
    Change(
        "a revoked key",
        "tenants/keys.py",
        "not in (State.ACTIVE, State.REPLACED)",
        "is None",
        ("tests/tenants/test_keys.py",),
    ),
    Change(
        "a key's scope",
        "tenants/key_authentication.py",
        'return getattr(view, "key_scope", None) in holder.scopes',
        "return True",
        ("tests/tenants/test_key_authentication.py",),
    ),
    Change(
        "any table in a query",
        "integrations/sql/parsing.py",
        "if is_ours and node.relname in VIEWS:",
        "if True:",
        ("tests/integrations/sql/test_reading.py",),
    ),
    Change(
        "the second factor of owners",
        "askpro/people/second_factor.py",
        "    return user.is_superuser or Membership.Role.OWNER in"
        " choice.roles(request).values()",
        "    return False",
        ("tests/askpro/people/test_second_factor.py",),
    ),
]
