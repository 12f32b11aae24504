"""Work on what was delivered: claim, handle, settle. Three tries, then staff decide."""

from __future__ import annotations

import logging
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from celery import shared_task
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from askpro import correlation
from askpro.errors import AskProError
from integrations.bodies import parsed
from tenants.nudger import nudge_batch
from tenants.scoping import every_company, let_go
from webhooks import handlers, retention
from webhooks.handlers import UnknownEvent, Unresolved
from webhooks.models import WebhookAttempt, WebhookBody, WebhookLog

logger = logging.getLogger(__name__)

TRIES = 3
#: The second pause, eight times as long, outlives a breaker that opened meanwhile.
FIRST_PAUSE_S = 3
LEASE_S = 30
BATCH = 20
SWEEP_LOCK = 7_305_002
GRACE = timedelta(seconds=1)

State = WebhookLog.State
Outcome = WebhookAttempt.Outcome

_KEYS = [
    f"account__{name}"
    for name in ("api_key", "webhook_secret", "webhook_secret_previous")
]
_WAITING = [State.RECEIVED, State.RETRYING]


def _due() -> Q:
    return Q(state__in=_WAITING, next_try_at__lte=Now()) | Q(
        state=State.PROCESSING, leased_until__lte=Now()
    )


@shared_task(name="webhooks.process")
def process(**_newer: Any) -> None:
    """Work on what is due, batch by batch, until nothing is."""
    while batch := _claim():
        work_on(batch)


@shared_task(name="webhooks.sweep")
def sweep(**_newer: Any) -> None:
    """Nudge where something has been due for a second and nobody took it."""
    late = Q(state__in=_WAITING, next_try_at__lte=Now() - GRACE) | Q(
        state=State.PROCESSING, leased_until__lte=Now()
    )
    with every_company(), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SWEEP_LOCK])
            is_mine = cursor.fetchone()[0]
        is_needed = is_mine and WebhookLog.objects.filter(late).exists()
    if is_needed:
        nudge_batch("webhooks.process")


@shared_task(name="webhooks.expire")
def expire(**_newer: Any) -> None:
    """Forget what was said long enough ago."""
    retention.expire()


def _claim() -> list[tuple[UUID, int]]:
    """Lease the oldest due deliveries; each lease raises the attempts."""
    with every_company(), transaction.atomic():
        ids = list(
            WebhookLog.objects.filter(_due())
            .order_by("next_try_at")
            .select_for_update(skip_locked=True)
            .values_list("id", flat=True)[:BATCH]
        )
        if not ids:
            return []
        logs = WebhookLog.objects.filter(pk__in=ids)
        logs.update(
            state=State.PROCESSING,
            attempts=F("attempts") + 1,
            leased_until=Now() + timedelta(seconds=LEASE_S),
        )
        return list(logs.order_by("received_at").values_list("id", "attempts"))


def work_on(batch: list[tuple[UUID, int]]) -> None:
    """Work on leased deliveries in turn; who waits behind a slow one stays leased."""
    for position, (log_id, attempt) in enumerate(batch):
        rest = [other for other, _ in batch[position:]]
        with every_company():
            WebhookLog.objects.filter(pk__in=rest, state=State.PROCESSING).update(
                leased_until=Now() + timedelta(seconds=LEASE_S)
            )
        work(log_id, attempt)


def work(log_id: UUID, attempt: int) -> None:
    """Handle one leased delivery and settle it; never raises for what it holds."""
    started = time.monotonic()
    with every_company():
        # Its keys are not wanted here, and nobody may be able to read them.
        logs = WebhookLog.objects.select_related("account", "body").defer(*_KEYS)
        log = logs.get(pk=log_id)
    if (log.attempts, log.state) != (attempt, State.PROCESSING):
        return
    if attempt > TRIES:
        error = "each worker ended while it worked on this"
        _settle(log, attempt, State.DEAD, Outcome.FAILED, error, started)
        return
    error = ""
    with correlation.bound(log.correlation_id):
        try:
            _handle(log)
            state, outcome = State.DONE, Outcome.DONE
        except UnknownEvent:
            state, outcome = State.IGNORED, Outcome.IGNORED
        except Unresolved as unresolved:
            error = str(unresolved)
            state, outcome = State.UNRESOLVED, Outcome.UNRESOLVED
        except Exception as failure:
            error = f"{type(failure).__name__}: {_safe(failure)}"
            logger.exception("a delivery failed", extra={"event_name": log.event})
            is_final = attempt >= TRIES
            state = State.DEAD if is_final else State.RETRYING
            outcome = Outcome.FAILED
        _settle(log, attempt, state, outcome, error, started)


def _safe(failure: Exception) -> str:
    """Return a message that holds none of the delivery's data."""
    return str(failure) if isinstance(failure, AskProError) else "see the log"


def _handle(log: WebhookLog) -> None:
    delivery = handlers.Delivery(
        log_id=log.pk,
        provider=log.provider,
        event=log.event,
        body=parsed(bytes(log.body.raw)),
        account_id=log.account_id,
        company_id=log.account.company_id,
        correlation_id=log.correlation_id,
    )
    handler = handlers.of(delivery)
    owner = handler.resolve(delivery)
    _belongs_to(log, owner.company_id)
    let_go()
    facts = handler.look(delivery, owner)
    handler.apply(delivery, owner, facts)


def _belongs_to(log: WebhookLog, company_id: UUID) -> None:
    """Give a delivery and all that hangs on it to its company."""
    if log.company_id == company_id:
        return
    with every_company(), transaction.atomic():
        WebhookLog.objects.filter(pk=log.pk).update(company=company_id)
        WebhookBody.objects.filter(log=log).update(company=company_id)
        WebhookAttempt.objects.filter(log=log).update(company=company_id)
    log.company_id = company_id


def _settle(
    log: WebhookLog, attempt: int, state: str, outcome: str, error: str, started: float
) -> None:
    now = datetime.now(UTC)
    pause = FIRST_PAUSE_S * 8 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
    is_waiting = state == State.RETRYING
    with every_company(), transaction.atomic():
        settled = WebhookLog.objects.filter(
            pk=log.pk, attempts=attempt, state=State.PROCESSING
        ).update(
            state=state,
            last_error=error[:300],
            leased_until=None,
            next_try_at=now + timedelta(seconds=pause) if is_waiting else None,
            finished_at=None if is_waiting else now,
            correlation_id=correlation.current() or log.correlation_id,
        )
        if settled:
            duration_s = time.monotonic() - started
            WebhookAttempt.objects.create(
                log=log,
                company_id=log.company_id,
                number=attempt,
                started_at=now - timedelta(seconds=duration_s),
                duration_ms=int(duration_s * 1000),
                outcome=outcome,
                error=error[:300],
            )
