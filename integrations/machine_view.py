"""What all machine doors have in common."""

from __future__ import annotations

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
