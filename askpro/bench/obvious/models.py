"""The obvious row: the payload as JSON."""

from __future__ import annotations

from django.db import models


class Delivery(models.Model):
    """One delivery."""

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
