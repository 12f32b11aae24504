"""The webhook doors: genuine? well formed? keep it, answer. Nothing else."""

from __future__ import annotations

import time
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, ClassVar
from uuid import UUID

from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from askpro import correlation
from integrations.bodies import json_object
from integrations.machine_view import HealthView, MachineView
from tenants.accounts import Verified
from tenants.addresses import client_ip
from tenants.key_authentication import KeyDoor
from tenants.keys import KeyHolder
from tenants.models import ApiKey
from webhooks import counts, health, inbox, objectives, steps
from webhooks.providers import Provider


class WebhookView(MachineView):
    """Keep a provider's event and answer at once; a worker does the rest."""

    provider: ClassVar[Provider]

    def post(self, request: Request, endpoint: UUID | None = None) -> HttpResponse:
        """Keep one delivery.

        :raises DatabaseError: it is not kept; the provider must send it again.
        """
        begun = time.perf_counter()
        proof: Verified = request.auth  # type: ignore[assignment]
        body = json_object(proof.raw)
        if body is None:
            return JsonResponse({"detail": "The body is no JSON object."}, status=400)
        about = self.provider.recognise(body)
        delivery = inbox.correlated(
            inbox.Delivery(
                proof.raw,
                proof.account,
                about.event,
                about.call_id,
                about.correlation_id,
                about.number,
                address=client_ip(request),
                headers=inbox.kept_headers(request.META),
            )
        )
        correlation.take(delivery.correlation_id)
        is_new = inbox.receive(delivery)
        steps.tell(
            "kept" if is_new else "known already",
            provider=delivery.account.provider,
            event_name=delivery.event[:64],
            account=str(delivery.account.id),
            size=len(delivery.raw),
        )
        answer = self.provider.answer(delivery, body)
        counts.received(
            proof.account.id,
            proof.account.company_id,
            self.provider.label(delivery.event),
            is_new=is_new,
            ms=(time.perf_counter() - begun) * 1000,
        )
        return answer


def view_of(provider: Provider) -> type[WebhookView]:
    """Return the door of a provider."""
    return type(
        f"{type(provider).__name__}WebhookView",
        (WebhookView,),
        {
            "provider": provider,
            "authentication_classes": [provider.authentication],
            "__doc__": f"The door of {provider.name}.",
        },
    )


class WebhookHealthView(KeyDoor, HealthView):
    """Tell strangers a word; a key with the scope ``webhook`` its company's state."""

    key_scope = ApiKey.Scope.WEBHOOK
    is_key_optional = True

    def get(self, request: Request) -> HttpResponse:
        """Ask PostgreSQL, and count for the company of the key."""
        answer = super().get(request)
        holder: KeyHolder | None = request.auth  # type: ignore[assignment]
        if holder is None or answer.status_code != HTTPStatus.OK:
            return answer
        found = health.of_company(holder.company_id)
        return JsonResponse(_as_json(found))

    post = get


def _as_json(found: health.Deliveries) -> dict[str, Any]:
    return {
        "status": found.status,
        "backlog": asdict(found.backlog),
        "providers": [
            asdict(one)
            | {"has_own_account": one.provider in found.own_accounts}
            | asdict(found.figures.get(one.provider, health.Figures()))
            for one in found.standings
        ],
        "objectives": objectives.as_json(found.objectives),
    }
