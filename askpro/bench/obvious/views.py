"""The obvious door: Redis says whether it is new, the ORM keeps it, Celery hears."""

from __future__ import annotations

import os
import time
from typing import Any

from celery import shared_task
from django_redis import get_redis_connection
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from askpro.bench.obvious.models import Delivery
from integrations.retell import signatures


@shared_task(name="bench.process")
def process(delivery_id: int) -> None:
    """Stand for the work that follows."""


class ObviousView(APIView):
    """Verify, ask Redis, store, enqueue, answer."""

    permission_classes = []
    authentication_classes = []

    def post(self, request: Request) -> Response:
        """Take one delivery."""
        raw = request._request.body
        if not signatures.verify(
            raw,
            request.META.get("HTTP_X_RETELL_SIGNATURE"),
            (os.environ["BENCH_KEY"],),
            now_ms=time.time_ns() // 1_000_000,
        ):
            raise AuthenticationFailed
        data: Any = request.data
        event: str = data["event"]
        call_id: str = data["call"]["call_id"]
        redis = get_redis_connection("default")
        if not redis.set(f"bench:{event}:{call_id}", 1, nx=True, ex=3600):
            return Response({"status": "seen"})
        delivery = Delivery(event=event, call_id=call_id, payload=data)
        delivery.save(force_insert=True)
        process.apply_async(
            kwargs={"delivery_id": delivery.pk}, queue="bench", ignore_result=True
        )
        return Response({"status": "accepted"})
