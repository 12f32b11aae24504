"""What the state of deliveries says about us."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import QuerySet
from django.utils import timezone

from webhooks.models import WebhookLog

#: A delivery that is due for longer than this has no worker.
OVERDUE_AFTER = timedelta(minutes=1)


def overdue(deliveries: QuerySet[WebhookLog]) -> QuerySet[WebhookLog]:
    """Return those that should have been worked on by now."""
    states = WebhookLog.State
    return deliveries.filter(
        state__in=[states.RECEIVED, states.PROCESSING, states.RETRYING],
        next_try_at__lt=timezone.now() - OVERDUE_AFTER,
    )
