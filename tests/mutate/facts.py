"""What a database holds: tables, keys and one row of each party, read from it.

Nothing here is listed by hand, so that a table added later is tried as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from integrations.models import SqlTicket
from tenants import rls
from tenants.isolation import probes
from tenants.scoping import PROBES, every_company
from tests import factories as make
from tests.askpro.test_admin import everything

#: Who stands for whom: two companies, the two probes, and rows of nobody.
OURS, THEIRS, PROBE, OTHER_PROBE, NOBODY = "ours", "theirs", "probe", "other", "nobody"

_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
FROM pg_attribute a
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped
    AND a.attgenerated = '' AND a.attidentity <> 'a'
ORDER BY a.attnum
"""
_KEY = """
SELECT a.attname FROM pg_index i
JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = %s::regclass AND i.indisprimary
"""
_REFERENCES = """
SELECT c.conname,
    (SELECT attname FROM pg_attribute
        WHERE attrelid = c.conrelid AND attnum = c.conkey[2]),
    c.confrelid::regclass::text
FROM pg_constraint c
WHERE c.conrelid = %s::regclass AND c.contype = 'f' AND cardinality(c.conkey) = 2
ORDER BY 1
"""
_UNIQUE = """
SELECT i.indexrelid::regclass::text,
    ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey) k
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k)
FROM pg_index i
WHERE i.indrelid = %s::regclass AND (i.indisunique OR i.indisexclusion)
    AND NOT i.indisprimary ORDER BY 1
"""


@dataclass(frozen=True)
class Reference:
    """A foreign key that is bound to the company."""

    name: str
    column: str
    target: str


@dataclass
class Table:
    """A walled table, and one row of each party as text."""

    name: str
    company: str
    key: str
    types: dict[str, str]
    is_nullable: bool
    is_shared: bool
    references: list[Reference]
    #: Columns of each unique index and exclusion but the key; "" stands for a term.
    unique: dict[str, list[str]]
    counts: dict[str, int] = field(default_factory=dict)
    rows: dict[str, dict[str, str | None]] = field(default_factory=dict)

    @property
    def is_append_only(self) -> bool:
        return self.name in rls.APPEND_ONLY


@dataclass
class Facts:
    """The tables, and the ids of the parties."""

    parties: dict[str, UUID | None]
    tables: dict[str, Table]
    #: A person who works nowhere yet.
    somebody: int


def furnish() -> dict[str, UUID | None]:
    """Fill an empty database: every walled table has rows of every party."""
    companies = make.make_company("salon"), make.make_company("werkstatt")
    for company in companies:
        everything(company)
        make.make_member(company=company)
    probes.furnish()
    make.make_operator()
    platform = make.make_account(company=None, provider="retell")
    make.make_delivery(account=platform, company=None, state="unresolved")
    make.make_tool_call(company=None, account=platform)
    make.make_provider_request(company=None, account=platform)
    make.make_poll(account=platform)
    make.make_count(account=platform)
    with every_company():
        for position, company in enumerate(companies):
            SqlTicket.objects.create(token=uuid4(), pid=position + 1, company=company)
    ours, theirs = (company.pk for company in companies)
    parties = (ours, theirs, *PROBES, None)
    return dict(zip((OURS, THEIRS, PROBE, OTHER_PROBE, NOBODY), parties, strict=True))


def read(cursor: Any, parties: dict[str, UUID | None]) -> Facts:
    """Read the facts; the cursor's role must pass every wall."""
    tables = {name: _table(cursor, name, parties) for name in _names()}
    cursor.execute("SELECT min(id) FROM auth_user WHERE is_superuser")
    return Facts(parties, tables, cursor.fetchone()[0])


def _names() -> list[str]:
    """Name the tables of companies' rows: by the models, not by what is walled."""
    return [model._meta.db_table for model in probes.walled_models()]


def _table(cursor: Any, name: str, parties: dict[str, UUID | None]) -> Table:
    cursor.execute(_COLUMNS, [name])
    columns = cursor.fetchall()
    cursor.execute(_KEY, [name])
    (key,) = cursor.fetchone()
    cursor.execute(_REFERENCES, [name])
    references = [Reference(*found) for found in cursor.fetchall()]
    cursor.execute(_UNIQUE, [name])
    company = "id" if name == "tenants_company" else "company_id"
    table = Table(
        name,
        company,
        key,
        {column: kind for column, kind, _ in columns},
        any(column == company and not is_filled for column, _, is_filled in columns),
        name == "tenants_provideraccount",
        references,
        dict(cursor.fetchall()),
    )
    texts = ", ".join(f'"{column}"::text' for column in table.types)
    for party, company_id in parties.items():
        cursor.execute(
            f'SELECT {texts} FROM {name} WHERE "{company}" IS NOT DISTINCT FROM %s'
            f' ORDER BY "{key}"',
            [company_id],
        )
        found = cursor.fetchall()
        table.counts[party] = len(found)
        if found:
            table.rows[party] = dict(zip(table.types, found[0], strict=True))
    return table


def lacking(facts: Facts) -> list[str]:
    """Return which rows are missing that could have leaked."""
    return [
        f"{table.name} has no row of {party}"
        for table in facts.tables.values()
        for party in facts.parties
        if not table.counts[party] and (party != NOBODY or table.is_shared)
    ]
