"""Ways into another company through the MCP door: keys, headers, tools, occasions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import orjson
from django.utils.translation import gettext_noop

from integrations.mcp import registry
from integrations.mcp.registry import SERVERS
from tenants import keys
from tenants.isolation import requests
from tenants.isolation.probes import Probe, Probes
from tenants.isolation.rows import unchanged
from tenants.isolation.ways import Attempt, way
from tenants.models import ApiKey, ProviderAccount
from tenants.scoping import scope

#: Whatever a tool may call the thing that it is asked about.
_NAMES = {
    "appointment_id": "bookings.Appointment",
    "booking_id": "bookings.Appointment",
    "call_id": "bookings.Call",
    "correlation_id": "bookings.Call",
    "offer_id": "bookings.Offer",
    "name": "bookings.Customer",
    "staff": "tenants.Staff",
    "service": "tenants.Service",
    "branch": "tenants.Branch",
    "delivery_id": "webhooks.WebhookLog",
    "event_id": "webhooks.WebhookLog",
    "agent_id": "tenants.Branch",
}


def equip(probe: Probe) -> None:
    """Give a probe the account that its branch lacks, or its tools only say so.

    Nobody listens at its address: no attempt reaches a provider.
    """
    with scope(probe.id):
        ProviderAccount.objects.get_or_create(
            company_id=probe.id,
            provider=ProviderAccount.Provider.CALCOM,
            defaults={"base_url": "http://127.0.0.1:1", "api_key": probe.mark},
        )


def _about(probes: Probes) -> dict[str, Any]:
    """Return the other's ids under every name that a tool may have for them."""
    rows: dict[str, Any] = probes.theirs.rows
    by_name = {name: str(rows[label].pk) for name, label in _NAMES.items()}
    return by_name | {
        "name": rows["bookings.Customer"].name,
        "staff": rows["tenants.Staff"].name,
        "service": rows["tenants.Service"].name,
        "call_id": rows["bookings.Call"].call_id,
        "correlation_id": rows["bookings.Call"].correlation_id,
        "id": str(rows["webhooks.WebhookLog"].pk),
        "phone": rows["tenants.PhoneNumber"].number,
        "sql": "SELECT * FROM appointments",
        "phrase": "morgen",
        "confirmed": True,
        "idempotency_key": probes.theirs.mark,
    }


@way(gettext_noop("MCP: keys, headers and tools"), "route:api/mcp*", "tool:*")
def by_mcp(probes: Probes) -> Iterator[Attempt]:
    """Yield my key at each MCP door, about what is the other's."""
    equip(probes.mine)
    mine: dict[str, Any] = probes.mine.rows
    theirs: dict[str, Any] = probes.theirs.rows
    own = {
        "X-AskPro-Call-Id": mine["bookings.Call"].call_id,
        "X-AskPro-To": mine["tenants.PhoneNumber"].number,
    }
    foreign = {
        "the other's number": {
            "X-AskPro-Call-Id": "call_of_a_stranger",
            "X-AskPro-To": theirs["tenants.PhoneNumber"].number,
        },
        "the other's call": {"X-AskPro-Call-Id": theirs["bookings.Call"].call_id},
        "the other's correlation id": own
        | {"X-Correlation-ID": theirs["bookings.Call"].correlation_id},
        "the other's caller": own
        | {"X-AskPro-From": theirs["bookings.Call"].from_number},
    }

    def asked(address: str, tool: str, headers: dict[str, str]) -> Attempt:
        tell = partial(_tells_nothing, probes, address, tool, headers)
        return tool, partial(unchanged, probes.theirs, tell)

    for tool in registry.tools():
        name, attempt = asked(f"/api/mcp/{tool.server}", tool.name, own)
        yield f"{name} with the other's ids", attempt
    for what, headers in foreign.items():
        for tool_name in ("find_bookings", "get_customer_info", "create_booking"):
            name, attempt = asked("/api/mcp", tool_name, headers)
            yield f"{name} with {what}", attempt
    for server in SERVERS:
        yield (f"{server} without its scope", partial(_sees_nothing, probes, server))


def _tells_nothing(
    probes: Probes, address: str, tool: str, headers: dict[str, str]
) -> bool:
    params = {"name": tool, "arguments": _about(probes)}
    status, raw = _post(probes, address, "tools/call", params, headers, SERVERS)
    # A refusal by the protocol would be a way that leads nowhere by mistake.
    return (
        status == 200
        and b"structuredContent" in raw
        and probes.theirs.mark.encode() not in raw
    )


def _sees_nothing(probes: Probes, server: str) -> bool:
    """A key of every other scope finds no tool at this address."""
    others = [one for one in ApiKey.Scope.values if one != server]
    status, raw = _post(probes, f"/api/mcp/{server}", "tools/list", {}, {}, others)
    return status == 200 and orjson.loads(raw)["result"]["tools"] == []


def _post(
    probes: Probes,
    address: str,
    method: str,
    params: dict[str, Any],
    headers: dict[str, str],
    scopes: Any,
) -> tuple[int, bytes]:
    company: Any = probes.mine.rows["tenants.Company"]
    row, plain = keys.make(company, probes.mine.mark, [str(one) for one in scopes])
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        return requests.ask(
            "POST",
            address,
            body=orjson.dumps(message),
            headers={"Authorization": f"Bearer {plain}"} | headers,
        )
    finally:
        with scope(probes.mine.id):
            ApiKey.objects.filter(pk=row.pk).delete()
