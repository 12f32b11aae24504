"""The function door: an agent's question comes in, a sentence goes out."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any
from uuid import UUID

import orjson
from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from bookings.models import Call
from integrations.bodies import json_object
from integrations.machine_view import HealthView, MachineView
from integrations.mcp import arguments, gateway, health
from integrations.mcp.askers import SignedAsker
from integrations.retell import calls
from integrations.retell.authentication import RetellSignature
from tenants.accounts import Verified
from tenants.key_authentication import KeyDoor
from tenants.keys import KeyHolder
from tenants.models import ApiKey


class FunctionView(MachineView):
    """Answer a Retell custom function: 200 and a sentence, whatever happens inside.

    Another status would make the agent improvise. Only a wrong signature (401) and
    what isn't JSON (400) are refused.
    """

    authentication_classes = [RetellSignature]

    def post(
        self, request: Request, tool: str = "", endpoint: UUID | None = None
    ) -> HttpResponse:
        """Answer one question."""
        proof: Verified = request.auth  # type: ignore[assignment]
        body = json_object(proof.raw)
        if body is None:
            return _json({"detail": "The body is no JSON object."}, status=400)
        question = arguments.read(body, tool=tool)
        facts = None
        if calls.call_id_of(question.call) or calls.correlation_of(question.call):
            facts = calls.facts_of(
                question.call, account_id=proof.account.id, status=Call.Status.STARTED
            )
        answer = gateway.answer(
            gateway.Asked(
                SignedAsker(proof.account, facts), question.tool, question.arguments
            )
        )
        return _json(answer.to_json())


class ToolHealthView(KeyDoor, HealthView):
    """Tell strangers a word; a key with the scope ``webhook`` its company's state."""

    key_scope = ApiKey.Scope.WEBHOOK
    is_key_optional = True

    def get(self, request: Request) -> HttpResponse:
        """Ask PostgreSQL, and count for the company of the key."""
        answer = super().get(request)
        holder: KeyHolder | None = request.auth  # type: ignore[assignment]
        if holder is None or answer.status_code != HTTPStatus.OK:
            return answer
        return JsonResponse({"status": "ok"} | asdict(health.of_tools(holder)))

    post = get


def _json(value: dict[str, Any], *, status: int = 200) -> HttpResponse:
    return HttpResponse(
        orjson.dumps(value), status=status, content_type="application/json"
    )
