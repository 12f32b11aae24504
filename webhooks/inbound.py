"""The answer to a ring: which agent, and what it should know before the first word.

From our own rows alone; no provider is asked while the telephone rings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from bookings.language import phrases
from bookings.models import Appointment, Customer
from integrations.retell import calls
from tenants import resolver
from tenants.accounts import AccountKeys
from tenants.models import Branch
from tenants.scoping import scope


def answer(
    call: Mapping[str, Any], account: AccountKeys, correlation_id: str
) -> dict[str, Any]:
    """Return the body for Retell; an unknown number gets "go on as you are".

    :param call: the ``call_inbound`` object.
    Source: https://docs.retellai.com/features/inbound-call-webhook
    """
    number = calls.dialled(call)
    owner = number and resolver.owner_of_number(number, within=account.company_id)
    if not owner:
        return {"call_inbound": {}}
    with scope(owner.company_id):
        branch = Branch.objects.select_related("company").get(pk=owner.branch_id)
        variables = _variables(branch, calls.caller_number(call))
    inner: dict[str, Any] = {
        "dynamic_variables": variables | {"askpro_correlation_id": correlation_id},
        "metadata": {"correlation_id": correlation_id},
    }
    if branch.retell_agent_id:
        inner["override_agent_id"] = branch.retell_agent_id
    return {"call_inbound": inner}


def _variables(branch: Branch, phone: str) -> dict[str, str]:
    """Return every variable every time: one without a value is read out as braces."""
    now, zone = timezone.now(), branch.zone
    customers = list(Customer.objects.filter(phone=phone)[:2]) if phone else []
    customer = customers[0] if len(customers) == 1 else None
    upcoming = (
        Appointment.objects.filter(
            customer=customer,
            branch=branch,
            state=Appointment.State.BOOKED,
            starts_at__gt=now,
        )
        .order_by("starts_at")
        .first()
        if customer
        else None
    )
    return {
        "askpro_company": branch.company.name,
        "askpro_branch": branch.name,
        "heute": phrases.today_text(now, zone),
        "askpro_opening_hours": phrases.opening_hours(branch.opening_hours),
        "askpro_customer_name": customer.name if customer else "",
        "askpro_next_appointment": (
            phrases.when(upcoming.starts_at, zone=zone, now=now) if upcoming else ""
        ),
    }
