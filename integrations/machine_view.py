"""What all machine doors have in common."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from askpro import actor
from askpro.actor import Actor
from tenants.accounts import Verified
from tenants.addresses import client_ip

_JSON = JSONRenderer()


class MachineView(APIView):
    """A door for machines: the raw bytes are verified, JSON comes back.

    What follows from a provider's signed bytes is that provider's doing.
    """

    permission_classes = []
    parser_classes = []

    def dispatch(
        self, request: Any, *arguments: Any, **values: Any
    ) -> HttpResponseBase:
        """Answer; nobody acts any more once that is done."""
        with actor.acting(actor.SYSTEM):
            return super().dispatch(request, *arguments, **values)

    def initial(self, request: Request, *arguments: Any, **values: Any) -> None:
        """Let nobody in without proof, and note whose it is."""
        super().initial(request, *arguments, **values)
        proof: object = request.auth
        if isinstance(proof, Verified):
            who = Actor("provider", proof.account.provider, client_ip(request))
            actor.take(who)

    def perform_content_negotiation(
        self, request: Request, force: bool = False
    ) -> tuple[JSONRenderer, str]:
        """Choose JSON, whatever the other side says that it accepts."""
        return _JSON, _JSON.media_type


class HealthView(MachineView):
    """Tell whether we live and reach PostgreSQL; details are not for strangers."""

    authentication_classes = []
    #: Without: tell that the process lives. A restart mends no database.
    asks_database = True

    def get(self, request: Request) -> HttpResponse:
        """Ask PostgreSQL."""
        if not self.asks_database:
            return JsonResponse({"status": "ok"})
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except (DatabaseError, InterfaceError):
            return JsonResponse({"status": "down"}, status=503)
        return JsonResponse({"status": "ok"})

    post = get
