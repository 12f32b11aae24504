"""Odd bodies by the hundred, signed well: refused or kept, never a fault of ours."""

from __future__ import annotations

import hashlib
import hmac
import re
import socket
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from bookings.models import Appointment, Call
from integrations.sandbox import wire
from tenants.models import ProviderAccount
from tenants.scoping import every_company, scope
from tests.flows.test_change import booked
from tests.system import SALON_NUMBER, eventually
from tests.webhooks import odd
from webhooks.models import WebhookAttempt, WebhookBody, WebhookLog

SETTLED = {"done", "ignored", "unresolved", "dead"}
MANY = settings(
    max_examples=250,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Door:
    """A provider's door, and what was put through it."""

    def __init__(self, system, path: str) -> None:
        self.url = system.web_url + path
        self.kept: set[bytes] = set()
        self.refused: list[int] = []

    def put(self, raw: bytes, headers: odd.Json) -> wire.Reply:
        """Send it, signed well; note what became of it."""
        reply = wire.send("POST", self.url, raw, headers=headers | self.signed(raw))
        assert reply.status in (200, 204, 400, 411, 413, 415), (reply, raw[:500])
        if reply.is_success:
            self.kept.add(raw)
        else:
            assert reply.json()["detail"], reply
            self.refused.append(reply.status)
        return reply

    def signed(self, raw: bytes) -> dict[str, str]:
        raise NotImplementedError


class RetellDoor(Door):
    def __init__(self, system) -> None:
        super().__init__(system, "/api/webhooks/retell")
        self.key = system.sandbox["retell"]["webhook_key"]

    def signed(self, raw: bytes) -> dict[str, str]:
        now_ms = int(time.time() * 1000)
        return {"X-Retell-Signature": wire.signature(raw, self.key, now_ms)}


class CalcomDoor(Door):
    def __init__(self, system, account: ProviderAccount) -> None:
        super().__init__(system, f"/api/webhooks/calcom/{account.endpoint}")
        self.secret = account.webhook_secret.encode()

    def signed(self, raw: bytes) -> dict[str, str]:
        digest = hmac.new(self.secret, raw, hashlib.sha256).hexdigest()
        return {"X-Cal-Signature-256": digest}


def assert_all_explained(door: Door, company_id: uuid.UUID) -> dict[str, int]:
    """Show that each delivery was kept once and came to an end with a reason.

    :return: how many came to which end.
    """

    def settled() -> list[WebhookLog] | None:
        with every_company():
            _no_fault_of_ours()
            rows = list(WebhookLog.objects.filter(source="webhook"))
        return rows if {row.state for row in rows} <= SETTLED else None

    rows: list[WebhookLog] = eventually(settled, within_s=120)
    with every_company():
        raws = {bytes(one) for one in WebhookBody.objects.values_list("raw", flat=True)}
    assert door.kept <= raws
    assert len(rows) == len(door.kept)
    for row in rows:
        assert row.state != "dead" or (row.reason and row.last_error)
        assert row.company_id in (None, company_id)
    return {state: sum(row.state == state for row in rows) for state in SETTLED}


def _no_fault_of_ours() -> None:
    """Errors that name no cause of their own are mistakes; show the bodies."""
    faults = WebhookAttempt.objects.filter(error__contains="see the log")
    assert not [
        (one.error, bytes(one.log.body.raw)[:2000])
        for one in faults.select_related("log__body")
    ]


def _are_sane(calls: list[Call], sent: set[str]) -> None:
    for call in calls:
        assert call.call_id in sent or call.call_id is None, call.call_id
        assert call.to_number in ("", SALON_NUMBER)
        assert re.fullmatch(r"(\+[1-9]\d{6,14})?", call.from_number)
        assert call.status in Call.Status.values
        assert isinstance(call.opinion, dict)
        assert "\0" not in call.transcript + call.summary + call.disconnection_reason
        for at in (call.started_at, call.ended_at):
            assert at is None or 1970 <= at.year < 2101


def test_odd_events_of_calls_are_refused_or_explained(system, salon):
    of = odd.recorded(
        "retell", "call_started", "call_ended", "call_analyzed", "call_inbound_request"
    )
    for body in of:
        (body.get("call") or body["call_inbound"])["to_number"] = SALON_NUMBER
    door = RetellDoor(system)

    @MANY
    @given(odd.bodies(of))
    def knock(drawn: tuple[bytes, odd.Json]) -> None:
        raw, headers = drawn
        reply = door.put(raw, headers)
        if reply.status == 200:
            answer = reply.json()["call_inbound"].get("dynamic_variables", {})
            assert all(isinstance(one, str) for one in answer.values())

    knock()

    ends = assert_all_explained(door, salon.company_id)
    assert ends["done"] > 30
    assert ends["dead"] == 0
    assert {400} <= set(door.refused)
    with scope(salon.company_id):
        calls = list(Call.objects.all())
    sent = _texts([*of, *odd.VALUES])
    _are_sane(calls, sent | {one.replace("\0", "") for one in sent})


def _texts(value: Any) -> set[str]:
    """Return every text in it, as long as a call's id may be."""
    if isinstance(value, str):
        return {value[:120]}
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return set()
    return set().union(*map(_texts, inner))


def test_odd_events_of_bookings_are_refused_or_explained(system, salon):
    booked(system)
    with scope(salon.company_id):
        account = ProviderAccount.objects.get(company=salon.company_id)
        (before,) = Appointment.objects.values()
    of = odd.recorded(
        "calcom/webhooks",
        *("booking_created", "booking_created_after_confirm", "booking_requested"),
        *("booking_rescheduled", "booking_cancelled", "booking_rejected"),
        *("booking_no_show_updated", "meeting_ended", "ping"),
    )
    for body in of:
        if "payload" in body:
            body["payload"]["eventTypeId"] = before["event_type_id"]
    for body in of[:4]:
        body["payload"]["uid"] = before["calcom_uid"]
        body["payload"]["metadata"] = {"askpro_appointment": str(before["key"])}
    with every_company():
        WebhookLog.objects.all().delete()
    door = CalcomDoor(system, account)

    @MANY
    @given(odd.bodies(of))
    def knock(drawn: tuple[bytes, odd.Json]) -> None:
        door.put(*drawn)

    knock()

    ends = assert_all_explained(door, salon.company_id)
    assert ends["done"] > 30
    assert ends["ignored"] > 5
    with scope(salon.company_id):
        assert list(Appointment.objects.values()) == [before]


@pytest.mark.parametrize("path", ["retell", "calcom"])
def test_twenty_megabytes_are_refused_before_they_are_read(system, salon, path):
    address = urlsplit(system.web_url)
    head = (
        f"POST /api/webhooks/{path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
        f"Content-Length: {20 * 1024 * 1024}\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((address.hostname, address.port), 10) as line:
        line.sendall(head.encode())
        try:
            for _ in range(320):
                line.sendall(b"x" * 65536)
        except OSError:  # it hung up: nobody reads on
            line.settimeout(10)
        said = line.recv(200)

    assert said.split(b" ")[1] == b"413"
    with every_company():
        assert not WebhookLog.objects.exists()
