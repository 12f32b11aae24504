"""The obvious row: the payload as JSON."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Delivery(models.Model):
    """One delivery."""

    # The app is not among the product's, so the type checker's plugin adds none.
    objects: ClassVar[models.Manager[Delivery]] = models.Manager()
    event = models.CharField(max_length=64)
    call_id = models.CharField(max_length=120)
    payload = models.JSONField()
    state = models.CharField(max_length=16, default="received")
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "bench_delivery"

    def __str__(self) -> str:
        return self.call_id
