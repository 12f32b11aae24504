"""Ways into another company through what providers deliver, and what repairs it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_noop

from tenants.isolation import ways
from tenants.isolation.probes import Probes, Values, special
from tenants.isolation.rows import unchanged, undone
from tenants.isolation.ways import Attempt, way
from tenants.scoping import scope
from webhooks import providers, replay, timeline
from webhooks.handlers import StoredDelivery, Unresolved

for _task in ("process", "sweep", "expire", "ask_for_missing", "poll"):
    ways.EXEMPT[f"task:webhooks.{_task}"] = "for every company, and for no probe"
ways.EXEMPT["task:webhooks.poll_account"] = "asks the account that it names"
ways.EXEMPT["task:tenants.*"] = "write when a key was used, or run this very check"
ways.EXEMPT["route:healthz"] = "tells only whether we are alive"
ways.EXEMPT["route:readyz"] = "tells only whether we are alive"
ways.EXEMPT["route:metrics"] = "sums of all companies that name none, for a token"
ways.EXEMPT["route:"] = "leads to the admin"
ways.EXEMPT["route:robots.txt"] = "the same text for everybody"
ways.EXEMPT["route:.well-known/security.txt"] = "the same text for everybody"


@special("webhooks.WebhookLog")
def _log(company_id: UUID, letter: int) -> Values:
    return {"state": "done", "call_id": f"call_of_probe_{letter}"}


@special("webhooks.WebhookPause")
def _pause(company_id: UUID, letter: int) -> Values:
    return {"provider": ""}


@special("webhooks.WebhookCount")
def _count(company_id: UUID, letter: int) -> Values:
    return {"acknowledged": [0] * 8}


@way(gettext_noop("deliveries about the other's call"), "event:*")
def by_delivery(probes: Probes) -> Iterator[Attempt]:
    """Yield events signed by my account that name the other's number or booking."""
    account = probes.mine.rows["tenants.ProviderAccount"]
    number: Any = probes.theirs.rows["tenants.PhoneNumber"]
    call: Any = probes.theirs.rows["bookings.Call"]
    appointment: Any = probes.theirs.rows["bookings.Appointment"]
    bodies: dict[str, dict[str, Any]] = {
        "retell": {"call": {"to_number": number.number, "call_id": "call_of_nobody"}},
        "retell by id": {"call": {"call_id": call.call_id}},
        "calcom": {
            "payload": {
                "uid": appointment.calcom_uid,
                "metadata": {"askpro_appointment": str(appointment.key)},
            }
        },
    }

    def resolved_by_nobody(provider: str, event: str, body: dict[str, Any]) -> bool:
        delivery = StoredDelivery(
            log_id=UUID(int=0),
            provider=provider,
            event=event,
            body=body,
            account_id=account.pk,
            company_id=probes.mine.id,
            correlation_id="",
        )
        try:
            providers.named(provider).handler_of(event).resolve(delivery)
        except Unresolved:
            return True
        return False

    for name, body in bodies.items():
        provider = name.split(" ")[0]
        for event in providers.named(provider).handlers:
            about = body
            if event == "call_inbound":
                about = {"call_inbound": body["call"]}
            yield (
                f"{name}: {event}",
                partial(resolved_by_nobody, provider, event, about),
            )


@way(gettext_noop("replays and stories"), "route:api/webhooks/calcom*")
def by_repair(probes: Probes) -> Iterator[Attempt]:
    """Yield the other's delivery, worked on again or told by its ids from my scope."""
    log: Any = probes.theirs.rows["webhooks.WebhookLog"]
    call: Any = probes.theirs.rows["bookings.Call"]

    def replayed() -> bool:
        with scope(probes.mine.id):
            return undone(lambda: replay.start([log.pk])) == 0

    yield "replay", lambda: unchanged(probes.theirs, replayed)

    def told(name: str) -> bool:
        with scope(probes.mine.id):
            return timeline.correlation_ids(name) == []

    for name in (str(log.pk), call.call_id, str(call.pk)):
        yield "story by id", partial(told, name)
    yield "story", lambda: _no_steps(probes, call.correlation_id)


def _no_steps(probes: Probes, correlation_id: str) -> bool:
    """The marks differ, so the other's id can't be mine as well."""
    with scope(probes.mine.id):
        return timeline.story(correlation_id) == []
