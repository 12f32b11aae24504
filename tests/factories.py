"""Rows for tests. Each names its company openly, by the row it hangs on.

They look across companies themselves, so that they work in any scope and in none.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any
from uuid import uuid4

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth import get_user_model
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange, NumericRange

from bookings.models import (
    Appointment,
    AppointmentChange,
    Call,
    Callback,
    Customer,
    Notification,
    Occupancy,
    Offer,
)
from integrations.models import ProviderRequest, ToolCall
from tenants import keys
from tenants.models import (
    ApiKey,
    Branch,
    Company,
    IsolationRun,
    Membership,
    PhoneNumber,
    ProviderAccount,
    Service,
    Staff,
    StaffService,
)
from tenants.scoping import every_company
from webhooks.models import (
    ProviderPoll,
    WebhookAttempt,
    WebhookBody,
    WebhookCount,
    WebhookLog,
    WebhookPause,
)

_numbers = itertools.count(1)
#: A Monday, ten in the morning in Berlin, far enough away.
MONDAY_10 = datetime(2030, 1, 7, 9, 0, tzinfo=UTC)


def across(make):
    """Let a factory write any company's rows."""

    @wraps(make)
    def made(*arguments: Any, **values: Any):
        with every_company():
            return make(*arguments, **values)

    return made


@across
def make_company(slug: str = "", **values: Any) -> Company:
    """Return a company; its name is its slug, capitalized."""
    slug = slug or f"salon-{next(_numbers)}"
    return Company.objects.create(**{"slug": slug, "name": slug.title()} | values)


@across
def make_account(
    *, company: Company | None, provider: str = "calcom", **values: Any
) -> ProviderAccount:
    """Return a provider account with keys; without a company the platform's."""
    given = {
        "base_url": f"https://{provider}.example",
        "api_key": f"{provider}-key-{next(_numbers)}",
        "webhook_secret": f"{provider}-secret-{next(_numbers)}",
    }
    return ProviderAccount.objects.create(
        company=company, provider=provider, **given | values
    )


def make_key(
    *,
    company: Company,
    name: str = "Assistent",
    scopes: Iterable[str] = ("webhook",),
    **values: Any,
) -> tuple[ApiKey, str]:
    """Return a machine's key: its row, and what the machine shows."""
    return keys.make(company, name, scopes, **values)


@across
def make_branch(*, company: Company, slug: str = "mitte", **values: Any) -> Branch:
    """Return a branch with both ids, but without a number, services or accounts."""
    given = {
        "name": f"{company.name} {slug.title()}",
        "calcom_event_type_id": 2026361,
        "retell_agent_id": "agent_1",
    }
    return Branch.objects.create(company=company, slug=slug, **given | values)


@across
def make_ready_branch(*, company: Company, slug: str = "mitte") -> Branch:
    """Return a branch that lacks nothing."""
    branch = make_branch(company=company, slug=slug)
    make_number(branch=branch)
    make_service(branch=branch)
    accounts = ProviderAccount.objects.filter(company=company)
    for provider in ("calcom", "retell"):
        if not accounts.filter(provider=provider).exists():
            make_account(company=company, provider=provider)
    return branch


@across
def make_number(*, branch: Branch, number: str = "", **values: Any) -> PhoneNumber:
    """Return a telephone number that no other branch has."""
    return PhoneNumber.objects.create(
        company_id=branch.company_id,
        branch=branch,
        number=number or f"+4930{next(_numbers):08d}",
        **values,
    )


@across
def make_service(*, branch: Branch, name: str = "Beratung", **values: Any) -> Service:
    """Return a service of half an hour."""
    return Service.objects.create(
        company_id=branch.company_id,
        branch=branch,
        name=name,
        **{"duration_min": 30} | values,
    )


@across
def make_staff(
    *,
    branch: Branch,
    name: str = "Anna Kamm",
    services: Iterable[Service] = (),
    **values: Any,
) -> Staff:
    """Return a staff member who does these services."""
    person = Staff.objects.create(
        company_id=branch.company_id, branch=branch, name=name, **values
    )
    for service in services:
        StaffService.objects.create(
            company_id=branch.company_id, staff=person, service=service
        )
    return person


@across
def make_customer(
    *, company: Company, name: str = "Maria Muster", **values: Any
) -> Customer:
    """Return a customer."""
    return Customer.objects.create(company=company, name=name, **values)


@across
def make_call(*, branch: Branch, **values: Any) -> Call:
    """Return a call that is over."""
    call_id = values.pop("call_id", f"call_{uuid4().hex}")
    given = {
        "correlation_id": call_id,
        "from_number": "+493023125042",
        "to_number": "+493083793369",
        "status": Call.Status.ENDED,
    }
    return Call.objects.create(
        company_id=branch.company_id, branch=branch, call_id=call_id, **given | values
    )


@across
def make_offer(*, call: Call, service: Service, **values: Any) -> Offer:
    """Return a time that was spoken."""
    given = {
        "short_id": f"a{next(_numbers)}",
        "starts_at": MONDAY_10,
        "rank": 1,
        "held_until": MONDAY_10,
    }
    return Offer.objects.create(
        company_id=call.company_id, call=call, service=service, **given | values
    )


@across
def make_appointment(
    *,
    branch: Branch,
    service: Service | None = None,
    customer: Customer | None = None,
    **values: Any,
) -> Appointment:
    """Return a booked appointment; it blocks no time by itself."""
    starts_at = values.setdefault("starts_at", MONDAY_10)
    given = {
        "service": service or make_service(branch=branch, name=f"S{next(_numbers)}"),
        "customer": customer or make_customer(company=branch.company),
        "ends_at": starts_at + timedelta(minutes=30),
        "state": Appointment.State.BOOKED,
        "wish_name": "maria muster",
        "event_type_id": 2026361,
    }
    return Appointment.objects.create(
        company_id=branch.company_id, branch=branch, **given | values
    )


@across
def make_occupancy(*, appointment: Appointment, **values: Any) -> Occupancy:
    """Return the time that an appointment blocks at its branch."""
    given = {
        "resource": appointment.staff_id or appointment.branch_id,
        "lanes": NumericRange(0, None),
        "during": DateTimeTZRange(appointment.starts_at, appointment.ends_at),
        "purpose": Occupancy.Purpose.BOOKING,
    }
    return Occupancy.objects.create(
        company_id=appointment.company_id, appointment=appointment, **given | values
    )


@across
def make_change(*, appointment: Appointment, **values: Any) -> AppointmentChange:
    """Return a change of an appointment."""
    given = {"actor": "agent", "what": "book", "after": {"state": "booked"}}
    return AppointmentChange.objects.create(
        company_id=appointment.company_id, appointment=appointment, **given | values
    )


@across
def make_callback(*, branch: Branch, **values: Any) -> Callback:
    """Return an open callback that is due now."""
    given = {
        "kind": Callback.Kind.REQUESTED,
        "name": "Maria Muster",
        "due_at": datetime.now(UTC),
    }
    return Callback.objects.create(
        company_id=branch.company_id, branch=branch, **given | values
    )


@across
def make_notification(*, appointment: Appointment, **values: Any) -> Notification:
    """Return a confirmation that was sent."""
    given = {
        "kind": Notification.Kind.BOOKED,
        "revision": next(_numbers),
        "recipient": "maria@example.org",
        "state": Notification.State.SENT,
        "due_at": datetime.now(UTC),
    }
    return Notification.objects.create(
        company_id=appointment.company_id, appointment=appointment, **given | values
    )


@across
def make_delivery(
    *,
    account: ProviderAccount,
    company: Company | None = None,
    body: Any = None,
    **values: Any,
) -> WebhookLog:
    """Return a delivery with its body and one try; without a company unresolved."""
    state = values.setdefault("state", WebhookLog.State.DONE)
    given = {
        "provider": account.provider,
        "event": "call_ended",
        "external_key": uuid4().bytes * 2,
        "received_at": datetime.now(UTC),
        "attempts": 1,
    }
    log = WebhookLog.objects.create(account=account, company=company, **given | values)
    raw = json.dumps({"event": log.event} if body is None else body).encode()
    WebhookBody.objects.create(log=log, company=company, raw=raw)
    is_failed = state in (WebhookLog.State.DEAD, WebhookLog.State.RETRYING)
    outcomes = WebhookAttempt.Outcome
    WebhookAttempt.objects.create(
        log=log,
        company=company,
        number=1,
        started_at=log.received_at,
        duration_ms=12,
        outcome=outcomes.FAILED if is_failed else outcomes.DONE,
    )
    return log


@across
def make_isolation_run(**values: Any) -> IsolationRun:
    defaults = {"started_at": MONDAY_10, "duration_ms": 1, "tried": 1, "refused": 1}
    return IsolationRun.objects.create(**defaults | values)


@across
def make_pause(*, company: Company, **values: Any) -> WebhookPause:
    return WebhookPause.objects.create(company=company, why="Umzug", **values)


@across
def make_poll(*, account: ProviderAccount, **values: Any) -> ProviderPoll:
    defaults = {"polled_until": MONDAY_10, "asked_at": MONDAY_10}
    return ProviderPoll.objects.create(
        account=account, company_id=account.company_id, **defaults | values
    )


@across
def make_count(*, account: ProviderAccount, **values: Any) -> WebhookCount:
    defaults = {"event": "call_started", "at": MONDAY_10, "acknowledged": [1] + [0] * 7}
    return WebhookCount.objects.create(
        account=account, company_id=account.company_id, **defaults | values
    )


@across
def make_tool_call(*, company: Company | None, **values: Any) -> ToolCall:
    """Return a question of an agent that was answered."""
    given = {
        "door": ToolCall.Door.FUNCTION,
        "tool": "check_availability",
        "code": "ok",
        "is_success": True,
        "at": datetime.now(UTC),
        "duration_ms": 40,
    }
    return ToolCall.objects.create(company=company, **given | values)


@across
def make_provider_request(*, company: Company | None, **values: Any) -> ProviderRequest:
    """Return a request that a provider answered."""
    given = {
        "provider": "calcom",
        "method": "POST",
        "path": "/v2/bookings",
        "status": 201,
        "outcome": "ok",
        "at": datetime.now(UTC),
        "duration_ms": 120,
    }
    return ProviderRequest.objects.create(company=company, **given | values)


@across
def make_member(*, company: Company, role: str = "owner", **values: Any):
    """Return a person who may sign in and work in a company."""
    username = values.pop("username", f"{role}-{next(_numbers)}@{company.slug}.example")
    user = get_user_model().objects.create_user(
        username=username, email=username, is_staff=True, **values
    )
    Membership.objects.create(company=company, user=user, role=role)
    if role == Membership.Role.OWNER:
        make_second_factor(user)
    return user


@across
def make_operator(username: str = "operator@askpro.example"):
    """Return a superuser with a second factor."""
    users = get_user_model().objects
    user = users.create_superuser(username=username, email=username)
    make_second_factor(user)
    return user


def make_second_factor(user) -> str:
    """Give a person an authenticator app; return its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret
