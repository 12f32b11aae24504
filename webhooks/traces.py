"""One story by its id, for machines: every record that a call left, in order."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from rest_framework.request import Request

from integrations.machine_view import MachineView
from tenants.key_authentication import KeyDoor
from tenants.models import ApiKey
from webhooks import timeline


def as_json(correlation_id: str) -> dict[str, Any]:
    """Return a story; run inside a company's scope. Nothing in it names a person."""
    steps = timeline.story(correlation_id)
    return {
        "correlation_id": correlation_id,
        "began_at": steps[0].at.isoformat() if steps else None,
        "steps": timeline.as_json(steps),
    }


class TraceView(KeyDoor, MachineView):
    """Tell a key with the scope ``rest`` a story of its company."""

    key_scope = ApiKey.Scope.REST

    def get(self, request: Request, trace_id: str) -> HttpResponse:
        """Return the stories that an id is about; 404 where it joins nothing here."""
        found = timeline.correlation_ids(trace_id)
        if not found:
            return JsonResponse({"detail": "No story has this id."}, status=404)
        return JsonResponse({"stories": [as_json(one) for one in found]})
