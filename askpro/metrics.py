"""The door for Prometheus: figures of the whole installation, for its own monitor."""

from __future__ import annotations

import hmac

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpResponse, JsonResponse
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.request import Request

from integrations.machine_view import MachineView
from webhooks import metrics

#: Not the library's own: that one counts what a single process saw.
_registry = CollectorRegistry()
_registry.register(metrics.Deliveries())


class MetricsToken(BaseAuthentication):
    """Verify ``Authorization: Bearer`` with the setting ``METRICS_TOKEN``."""

    def authenticate(self, request: Request) -> tuple[None, str]:
        """Let the monitor in.

        :raises NotFound: there is no token, so nobody can be let in.
        :raises AuthenticationFailed: it is missing or wrong.
        """
        token: str = settings.METRICS_TOKEN
        if not token:
            raise NotFound("There are no figures here until METRICS_TOKEN is set.")
        said: str = request.META.get("HTTP_AUTHORIZATION", "")
        # Of the same length for a wrong one as for the right one.
        if not hmac.compare_digest(said.encode(), f"Bearer {token}".encode()):
            raise AuthenticationFailed("The token is missing or wrong.")
        return None, "metrics"

    def authenticate_header(self, request: Request) -> str:
        """Return the challenge."""
        return "Bearer"


class MetricsView(MachineView):
    """Tell figures, computed from rows."""

    authentication_classes = [MetricsToken]

    def get(self, request: Request) -> HttpResponse:
        """Return the text that Prometheus reads; 503 where PostgreSQL is away."""
        try:
            text = generate_latest(_registry)
        except (DatabaseError, InterfaceError):
            return JsonResponse({"status": "down"}, status=503)
        return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)
