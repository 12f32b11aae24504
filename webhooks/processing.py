"""One delivery, worked on and settled. Three tries where a later one may help."""

from __future__ import annotations

import logging
import random
import time
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models.functions import Now

from askpro import correlation
from askpro.actor import Actor, acting
from askpro.errors import AskProError
from integrations.bodies import parsed
from tenants.scoping import every_company, let_go
from webhooks import claims, counts, providers, steps
from webhooks.handlers import StoredDelivery, UnknownEvent, Unreadable, Unresolved
from webhooks.models import WebhookAttempt, WebhookBody, WebhookLog

logger = logging.getLogger(__name__)

TRIES = 3
#: The second pause, eight times as long, outlives a breaker that opened meanwhile.
FIRST_PAUSE_S = 3

State = WebhookLog.State
Reason = WebhookLog.Reason
Outcome = WebhookAttempt.Outcome

_KEYS = [
    f"account__{name}"
    for name in ("api_key", "webhook_secret", "webhook_secret_previous")
]


@dataclass(frozen=True)
class Verdict:
    """What became of a try."""

    state: str
    outcome: str
    error: str = ""
    reason: str = ""


DONE = Verdict(State.DONE, Outcome.DONE)
IGNORED = Verdict(State.IGNORED, Outcome.IGNORED)


def work_on(batch: list[tuple[UUID, int]]) -> None:
    """Work on leased deliveries in turn; who waits behind a slow one stays leased."""
    for position, (log_id, attempt) in enumerate(batch):
        claims.keep([other for other, _ in batch[position:]])
        work(log_id, attempt)


def work(log_id: UUID, attempt: int) -> None:
    """Handle one leased delivery and settle it; never raises for what it holds."""
    started = time.monotonic()
    log = read(log_id)
    if (log.attempts, log.state) != (attempt, State.PROCESSING):
        return
    if attempt > TRIES:
        error = "each worker ended while it worked on this"
        verdict = Verdict(State.DEAD, Outcome.FAILED, error, Reason.PERSON)
        _settle(log, attempt, verdict, started)
        return
    sender = Actor("provider", log.provider, log.address)
    with correlation.bound(log.correlation_id), acting(sender):
        verdict = _tried(log, attempt)
        _settle(log, attempt, verdict, started)


def read(log_id: UUID) -> WebhookLog:
    """Return a delivery with body and account.

    Its keys are not wanted here, and nobody may be able to read them.
    """
    with every_company():
        logs = WebhookLog.objects.select_related("account", "body").defer(*_KEYS)
        return logs.get(pk=log_id)


def _tried(log: WebhookLog, attempt: int) -> Verdict:
    try:
        _handle(log)
    except UnknownEvent:
        return IGNORED
    except Unresolved as unresolved:
        return Verdict(
            State.UNRESOLVED, Outcome.UNRESOLVED, str(unresolved), Reason.PERSON
        )
    except Exception as failure:
        logger.exception("a delivery failed", extra={"event_name": log.event})
        return _failed(failure, attempt)
    return DONE


def _failed(failure: Exception, attempt: int) -> Verdict:
    """Try again where that may help; else say what will."""
    error = f"{type(failure).__name__}: {_safe(failure)}"
    reason = _reason(failure)
    is_ours = reason == Reason.PERSON and not isinstance(failure, AskProError)
    if (is_ours or reason == Reason.LATER) and attempt < TRIES:
        return Verdict(State.RETRYING, Outcome.FAILED, error, Reason.LATER)
    return Verdict(State.DEAD, Outcome.FAILED, error, reason)


def _reason(failure: Exception) -> str:
    """Return what can help; a mistake of ours is a person's to mend."""
    if isinstance(failure, orjson.JSONDecodeError):
        return Reason.NEVER
    if not isinstance(failure, AskProError):
        return Reason.PERSON
    if failure.retryable:
        return Reason.LATER
    return Reason.PERSON if failure.needs_person else Reason.NEVER


def _safe(failure: Exception) -> str:
    """Return a message that holds none of the delivery's data."""
    return str(failure) if isinstance(failure, AskProError) else "see the log"


def stored(log: WebhookLog) -> StoredDelivery:
    """Return a delivery as its handler wants it.

    :raises Unreadable: the stored bytes are no JSON object.
    """
    body = parsed(bytes(log.body.raw))
    if not isinstance(body, dict):
        raise Unreadable("the body is no JSON object")
    return StoredDelivery(
        log_id=log.pk,
        provider=log.provider,
        event=log.event,
        body=body,
        account_id=log.account_id,
        company_id=log.account.company_id,
        correlation_id=log.correlation_id,
    )


def _handle(log: WebhookLog) -> None:
    delivery = stored(log)
    handler = providers.named(log.provider).handler_of(log.event)
    steps.tell("read", delivery=str(log.pk), event_name=log.event, attempt=log.attempts)
    owner = handler.resolve(delivery)
    _belongs_to(log, owner.company_id)
    steps.tell("resolved", delivery=str(log.pk), company=str(owner.company_id))
    let_go()
    facts = handler.look(delivery, owner)
    steps.tell("looked", delivery=str(log.pk), found=type(facts).__name__)
    handler.apply(delivery, owner, facts)
    steps.tell("applied", delivery=str(log.pk))


def _belongs_to(log: WebhookLog, company_id: UUID) -> None:
    """Give a delivery and all that hangs on it to its company."""
    if log.company_id == company_id:
        return
    with every_company(), transaction.atomic():
        WebhookLog.objects.filter(pk=log.pk).update(company=company_id)
        WebhookBody.objects.filter(log=log).update(company=company_id)
        WebhookAttempt.objects.filter(log=log).update(company=company_id)
    log.company_id = company_id


def _settle(log: WebhookLog, attempt: int, verdict: Verdict, started: float) -> None:
    pause = FIRST_PAUSE_S * 8 ** (attempt - 1) * random.uniform(0.8, 1.2)  # noqa: S311
    is_waiting = verdict.state == State.RETRYING
    error = verdict.error[:300]
    steps.tell(
        "settled",
        delivery=str(log.pk),
        state=verdict.state,
        reason=verdict.reason,
        attempt=attempt,
    )
    with every_company(), transaction.atomic():
        settled = WebhookLog.objects.filter(
            pk=log.pk, attempts=attempt, state=State.PROCESSING
        ).update(
            state=verdict.state,
            reason=verdict.reason,
            last_error=error,
            leased_until=None,
            next_try_at=Now() + timedelta(seconds=pause) if is_waiting else None,
            finished_at=None if is_waiting else Now(),
            correlation_id=correlation.current() or log.correlation_id,
        )
        if settled:
            duration_s = time.monotonic() - started
            WebhookAttempt.objects.create(
                log=log,
                company_id=log.company_id,
                number=attempt,
                started_at=Now() - timedelta(seconds=duration_s),
                duration_ms=int(duration_s * 1000),
                outcome=verdict.outcome,
                error=error,
            )
    if settled and not is_waiting:
        counts.settled(
            log.account_id,
            log.account.company_id,
            providers.label(log.provider, log.event),
            failed_for=verdict.reason if verdict.state == State.DEAD else "",
        )
