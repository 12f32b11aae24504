"""The webhook doors: genuine? well formed? keep it, answer. Nothing else."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from askpro import correlation
from integrations.bodies import json_object
from integrations.calcom.authentication import CalcomSignature
from integrations.machine_view import HealthView, MachineView
from integrations.retell import calls
from integrations.retell.authentication import RetellSignature
from tenants.accounts import Verified
from tenants.key_authentication import KeyDoor
from tenants.keys import KeyHolder
from tenants.models import ApiKey
from webhooks import health, inbound, inbox
from webhooks.inbox import Delivery


class WebhookView(MachineView):
    """Keep a provider's event and answer at once; a worker does the rest."""

    def post(self, request: Request, endpoint: UUID | None = None) -> HttpResponse:
        """Keep one delivery."""
        proof: Verified = request.auth  # type: ignore[assignment]
        body = json_object(proof.raw)
        if body is None:
            return JsonResponse({"detail": "The body is no JSON object."}, status=400)
        return self.keep(proof, body)

    def keep(self, proof: Verified, body: dict[str, Any]) -> HttpResponse:
        """Store a delivery and answer."""
        raise NotImplementedError


class RetellWebhookView(WebhookView):
    """Retell's lifecycle events, and the ring that wants an answer."""

    authentication_classes = [RetellSignature]

    def keep(self, proof: Verified, body: dict[str, Any]) -> HttpResponse:
        """Store a delivery; answer a ring from our own rows."""
        event = body.get("event")
        event = event if isinstance(event, str) else ""
        call = body.get("call_inbound" if event == "call_inbound" else "call")
        call = call if isinstance(call, dict) else {}
        call_id = calls.call_id_of(call)
        delivery = Delivery(
            proof.raw, proof.account, event, call_id, calls.correlation_of(call)
        )
        if event != "call_inbound":
            correlation.take(delivery.correlation_id)
            inbox.receive(delivery)
            return HttpResponse(status=204)
        if not call_id:
            made = inbox.made_correlation_id(delivery)
            delivery = Delivery(proof.raw, proof.account, event, "", made)
        correlation.take(delivery.correlation_id)
        inbox.receive(delivery)
        answer = inbound.answer(call, proof.account, delivery.correlation_id)
        return HttpResponse(orjson.dumps(answer), content_type="application/json")


class CalcomWebhookView(WebhookView):
    """Cal.com's events. It waits for us inside a booking: nothing slow here."""

    authentication_classes = [CalcomSignature]

    def keep(self, proof: Verified, body: dict[str, Any]) -> HttpResponse:
        """Store a delivery."""
        event = body.get("triggerEvent")
        event = event if isinstance(event, str) else ""
        inbox.receive(Delivery(proof.raw, proof.account, event))
        return HttpResponse(status=204)


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
        return JsonResponse({"status": "ok"} | asdict(found))

    post = get
