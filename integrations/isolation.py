"""Ways into another company through tools, keys, signatures and SQL."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
from django.db import connection
from django.utils.translation import gettext_noop

from bookings.calls import CallFacts
from integrations import isolation_mcp
from integrations.mcp import gateway, registry
from integrations.mcp.askers import SignedAsker
from integrations.mcp.gateway import Asked
from integrations.mcp.registry import Server
from integrations.models import SqlTicket
from integrations.retell import signatures
from integrations.sql.reading import query
from integrations.sql.schema import OWNER_ROLE
from integrations.sql.views import SCHEMA, VIEWS
from tenants import accounts, keys
from tenants.accounts import AccountKeys
from tenants.isolation import requests
from tenants.isolation.probes import Probe, Probes, Values, special
from tenants.isolation.rows import refuses, unchanged
from tenants.isolation.ways import Attempt, way
from tenants.models import ApiKey, ProviderAccount
from tenants.scoping import every_company, scope

_SECRET = "probe's own webhook secret"  # noqa: S105 (of nobody's account)


@special("tenants.ProviderAccount")
def _account(company_id: object, letter: int) -> Values:
    return {"provider": "retell", "webhook_secret": f"{_SECRET} {letter}"}


@special("integrations.SqlTicket")
def _ticket(company_id: object, letter: int) -> Values:
    return {"pid": 0}


@special("tenants.Service")
def _service(company_id: object, letter: int) -> Values:
    # With an account in :func:`isolation_mcp.equip` all that a branch needs.
    return {"calcom_event_type_id": 1}


def _own_account(probe: Probe) -> ProviderAccount:
    row = probe.rows["tenants.ProviderAccount"]
    assert isinstance(row, ProviderAccount)
    return row


@way(gettext_noop("tools with the other's ids"))
def by_tool(probes: Probes) -> Iterator[Attempt]:
    """Yield each tool, asked in a call of mine about what is the other's."""
    isolation_mcp.equip(probes.mine)
    row = _own_account(probes.mine)
    account = AccountKeys(row.pk, probes.mine.id, "retell", ())
    call: Any = probes.mine.rows["bookings.Call"]
    number: Any = probes.mine.rows["tenants.PhoneNumber"]
    theirs: dict[str, Any] = probes.theirs.rows
    arguments = {
        "appointment_id": str(theirs["bookings.Appointment"].pk),
        "offer_id": theirs["bookings.Offer"].short_id,
        "name": theirs["bookings.Customer"].name,
        "staff": theirs["tenants.Staff"].name,
        "service": theirs["tenants.Service"].name,
        "confirmed": True,
    }

    def asked(tool: str) -> bool:
        facts = CallFacts(
            correlation_id=call.correlation_id,
            account_id=account.id,
            call_id=call.call_id,
            to_number=number.number,
            is_rehearsal=True,
        )
        answer = gateway.answer(
            Asked(SignedAsker(account, facts), tool, dict(arguments))
        )
        return probes.theirs.mark not in str(answer)

    for tool in registry.tools((Server.BOOKING,)):
        yield (
            tool.name,
            partial(unchanged, probes.theirs, partial(asked, tool.name)),
        )


@way(gettext_noop("signatures"), "route:api/webhooks/retell*", "route:api/mcp/retell/*")
def by_signature(probes: Probes) -> Iterator[Attempt]:
    """Yield my account's signature at the other's address."""
    mine, theirs = _own_account(probes.mine), _own_account(probes.theirs)
    body = orjson.dumps({"event": "call_started", "name": "get_current_context"})
    doors = (
        f"/api/webhooks/retell/{theirs.endpoint}",
        f"/api/mcp/retell/{theirs.endpoint}/functions",
        f"/api/mcp/retell/{theirs.endpoint}/functions/get_current_context",
    )

    def refused(path: str) -> bool:
        signed = signatures.sign(body, mine.webhook_secret, now_ms=_now_ms())
        status, _ = requests.ask(
            "POST", path, body=body, headers={"X-Retell-Signature": signed}
        )
        return status == 401

    for path in doors:
        name = path.replace(str(theirs.endpoint), "…")
        yield (
            name,
            partial(unchanged, probes.theirs, partial(refused, path)),
        )
    yield (
        "the keys of an address",
        lambda: (
            getattr(accounts.keys_of("retell", theirs.endpoint), "company_id", None)
            == probes.theirs.id
        ),
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@way(gettext_noop("a machine's key"), "route:api/*/health", "route:api/v1/*")
def by_key(probes: Probes) -> Iterator[Attempt]:
    """Yield my key at every door that takes one, about what is the other's."""
    call: Any = probes.theirs.rows["bookings.Call"]
    log: Any = probes.theirs.rows["webhooks.WebhookLog"]
    doors = {
        "/api/webhooks/health": 200,
        "/api/mcp/health": 200,
        f"/api/v1/traces/{call.correlation_id}": 404,
        f"/api/v1/traces/{log.pk}": 404,
    }

    def shown(path: str, expected: int) -> bool:
        company: Any = probes.mine.rows["tenants.Company"]
        row, plain = keys.make(company, probes.mine.mark, ApiKey.Scope.values)
        try:
            status, body = requests.ask(
                "GET", path, headers={"Authorization": f"Bearer {plain}"}
            )
        finally:
            with scope(probes.mine.id):
                ApiKey.objects.filter(pk=row.pk).delete()
        return status == expected and probes.theirs.mark not in body.decode()

    for path, status in doors.items():
        name = path.replace(call.correlation_id, "…").replace(str(log.pk), "…")
        yield name, partial(shown, path, status)


@way(gettext_noop("reading by SQL"), "view:*")
def by_query(probes: Probes) -> Iterator[Attempt]:
    """Yield each view, a forged ticket, and a text that names the other."""

    def asked(text: str) -> bool:
        with scope(probes.mine.id):
            found = query(text)
        return probes.theirs.mark not in str(found.rows)

    for view in VIEWS:
        yield view, partial(asked, f"SELECT * FROM {view}")  # noqa: S608

    for table in sorted({one for view in VIEWS.values() for one in view.tables}):
        yield f"{table}: what the views see", partial(_is_bound, table)

    def forged() -> bool:
        with scope(probes.mine.id):
            return refuses(
                lambda: SqlTicket.objects.create(company_id=probes.theirs.id, pid=1)
            )

    yield "a ticket for the other company", forged


_BOUND = """
SELECT polcmd, pg_get_expr(polqual, polrelid),
    ARRAY(SELECT rolname::text FROM pg_roles WHERE oid = ANY (polroles))
FROM pg_policy WHERE polrelid = %s::regclass AND polname = 'views'
"""


def _is_bound(table: str) -> bool:
    """The views' owner sees the rows of the ticket's company, and no other."""
    with every_company(), connection.cursor() as cursor:
        cursor.execute(_BOUND, [table])
        found = cursor.fetchone()
    expected = f"(company_id = ( SELECT {SCHEMA}.company() AS company))"
    return bool(found == ("r", expected, [OWNER_ROLE]))
