"""What all machine doors have in common."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, connection
from django.http import HttpResponse, JsonResponse
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

_JSON = JSONRenderer()


class MachineView(APIView):
    """A door for machines: the raw bytes are verified, JSON comes back."""

    permission_classes = []
    parser_classes = []

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
