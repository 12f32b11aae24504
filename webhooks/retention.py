"""What is said in calls is kept for a while only: the rows stay, the words go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import (
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Q,
    Value,
)
from django.db.models.functions import Now

from bookings.models import Call
from integrations.models import ToolCall
from tenants import audit
from tenants.scoping import every_company
from webhooks import rollup
from webhooks.health import UNFINISHED
from webhooks.models import WebhookBody, WebhookLog

BATCH = 1000


def expire() -> None:
    """Delete bodies, transcripts and spoken answers whose time is over, in batches.

    Then the audit trail's oldest entries. Old counts become coarser.
    """
    with every_company():
        while _expire_bodies() or _expire_calls() or _expire_answers():
            pass
        while rollup.roll_up():
            pass
    audit.expire()


def _payload_limit() -> Any:
    return Now() - timedelta(days=settings.PAYLOAD_RETENTION_DAYS)


def _expire_bodies() -> int:
    # What is still to be worked on needs its bytes.
    old = (
        WebhookLog.objects.filter(received_at__lt=_payload_limit(), body__isnull=False)
        .exclude(state__in=UNFINISHED)
        .values_list("id", flat=True)[:BATCH]
    )
    return WebhookBody.objects.filter(log__in=list(old)).delete()[0]


def _expire_calls() -> int:
    """A company's own number of days counts for what its callers said."""
    days = ExpressionWrapper(
        F("company__retention_days") * Value(timedelta(days=1), DurationField()),
        output_field=DurationField(),
    )
    limit = ExpressionWrapper(Now() - days, output_field=DateTimeField())
    old = (
        Call.objects.filter(rang_at__lt=limit)
        .exclude(transcript="", summary="", opinion={})
        .values_list("id", flat=True)[:BATCH]
    )
    return Call.objects.filter(pk__in=list(old)).update(
        transcript="", summary="", opinion={}
    )


def _expire_answers() -> int:
    old = ToolCall.objects.filter(
        ~Q(answer={}) | ~Q(arguments={}), at__lt=_payload_limit()
    ).values_list("id", flat=True)[:BATCH]
    return ToolCall.objects.filter(pk__in=list(old)).update(answer={}, arguments={})
