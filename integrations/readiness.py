"""What the providers themselves say a branch lacks: asked while staff wait."""

from __future__ import annotations

from collections.abc import Iterator

from integrations import clients
from integrations.calcom.answers import EventType
from integrations.errors import ProviderError
from tenants.accounts import account_for
from tenants.models import Branch, ProviderAccount, Service
from tenants.readiness import Gap, register_live

ASK_TIMEOUT_S = 8.0
#: What an ordinary event type asks for, and a caller can give.
KNOWN_FIELDS = frozenset(
    {"name", "email", "attendeePhoneNumber", "title", "notes", "guests", "location"}
)


@register_live
def event_types(branch: Branch) -> Iterator[Gap]:
    """Each event type exists for this key, and can be booked by telephone."""
    account = account_for(branch, ProviderAccount.Provider.CALCOM)
    if account is None:
        return
    client = clients.calcom(account, company_id=branch.company_id)
    for service, number in _bookable(branch):
        try:
            event_type = client.event_type(number, timeout_s=ASK_TIMEOUT_S)
        except ProviderError as error:
            yield Gap(
                "calcom_event_type",
                f"Cal.com does not give event type {number}: {error}",
                "check the API key and the id",
            )
            continue
        yield from _obstacles(service, event_type)


def _bookable(branch: Branch) -> Iterator[tuple[Service, int]]:
    """Return every event type that a booking may use: the service's, and a person's."""
    for service in branch.services.filter(is_active=True):
        pairs = service.done_by.filter(staff__is_active=True)
        numbers = set(pairs.values_list("calcom_event_type_id", flat=True))
        numbers.add(service.calcom_event_type_id or branch.calcom_event_type_id)
        yield from ((service, number) for number in numbers if number is not None)


def _obstacles(service: Service, event_type: EventType) -> Iterator[Gap]:
    about = f"event type {event_type.id} of {service.name}"
    if event_type.length_min != service.duration_min:
        yield Gap(
            "calcom_length",
            f"{about} takes {event_type.length_min} minutes, the service"
            f" {service.duration_min}",
            "make both the same",
        )
    unknown = sorted(event_type.required - KNOWN_FIELDS)
    if unknown:
        yield Gap(
            "calcom_fields",
            f"{about} demands: {', '.join(unknown)}",
            "make these fields optional in Cal.com",
        )
    refusals = {
        "wants confirmation by hand": event_type.needs_confirmation,
        "verifies e-mail addresses": event_type.verifies_email,
        "repeats": event_type.is_recurring,
        "is a template": event_type.is_managed,
        "wants payment": bool(event_type.price),
    }
    for what, is_so in refusals.items():
        if is_so:
            yield Gap(
                "calcom_event_type", f"{about} {what}", "switch that off in Cal.com"
            )


@register_live
def agent(branch: Branch) -> Iterator[Gap]:
    """The agent exists for this key."""
    account = account_for(branch, ProviderAccount.Provider.RETELL)
    if account is None or not account.api_key:
        yield Gap(
            "retell_api_key",
            "no Retell API key, so the agent can't be looked up",
            "enter a key that may read agents",
        )
        return
    client = clients.retell(account, company_id=branch.company_id)
    try:
        client.get_agent(branch.retell_agent_id, timeout_s=ASK_TIMEOUT_S)
    except ProviderError as error:
        yield Gap(
            "retell_agent",
            f"Retell does not give agent {branch.retell_agent_id}: {error}",
            "check the API key and the id",
        )
