"""What providers did not tell by themselves: asked for, and put into the same inbox.

A poll's finding is a delivery like any other, marked as asked for: it has a row, a
body and a story, and when the real one comes after all, nothing doubles.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.utils import timezone

from askpro import correlation
from askpro.errors import AskProError
from bookings import calls
from bookings.models import Call
from tenants import nudger
from tenants.accounts import AccountKeys
from tenants.models import ProviderAccount
from tenants.scoping import every_company, let_go, scope
from webhooks import inbox, providers
from webhooks.models import ProviderPoll, WebhookLog

logger = logging.getLogger(__name__)

#: Of what an account did before this nobody is asked: it had no webhooks then.
FIRST_LOOK_BACK = timedelta(hours=2)
#: Providers write things down late.
OVERLAP = timedelta(minutes=15)
POLL_S = 60.0
ASK_S = 8.0
BATCH = 50
ASK_AGAIN_AFTER = timedelta(minutes=10)
#: No call lasts longer; an analysis that has not come by then does not come.
GIVE_UP_AFTER = timedelta(hours=3)


class Lacking(NamedTuple):
    """A call that lacks an event."""

    pk: UUID
    company_id: UUID
    account_id: UUID
    call_id: str | None
    correlation_id: str
    is_given_up: bool


_DUE = """
WITH due AS (
    SELECT id FROM bookings_call WHERE expects_at <= now()
    ORDER BY expects_at LIMIT %s FOR UPDATE SKIP LOCKED)
UPDATE bookings_call AS call SET expects_at = now() + %s
FROM due WHERE call.id = due.id
RETURNING call.id, call.company_id, call.account_id, call.call_id,
    call.correlation_id, call.rang_at < now() - %s
"""


def ask_for_missing() -> int:
    """Ask for the events that calls lack; return for how many calls."""
    count = 0
    while lacking := _lacking():
        count += len(lacking)
        for call in lacking:
            with correlation.bound(call.correlation_id):
                _ask_for(call)
    return count


def _lacking() -> list[Lacking]:
    with every_company(), connection.cursor() as cursor:
        cursor.execute(_DUE, (BATCH, ASK_AGAIN_AFTER, GIVE_UP_AFTER))  # type: ignore[arg-type]
        return [Lacking(*row) for row in cursor.fetchall()]


def _ask_for(call: Lacking) -> None:
    if call.is_given_up:
        with scope(call.company_id):
            if not calls.close_as_lost([call.pk]):
                # It ended; only its analysis never came.
                Call.objects.filter(pk=call.pk).update(expects_at=None)
        return
    if not call.call_id:
        return
    account = _account(call.account_id)
    if account is None:
        return
    provider = providers.named(account.provider)
    let_go()
    try:
        body = provider.missing_of(
            account, call.call_id, deadline=time.monotonic() + ASK_S
        )
    except AskProError as error:
        logger.info("a call can't be asked for", extra={"reason": str(error)})
        return
    if body is not None:
        deliver(account, body)


def _account(account_id: UUID) -> ProviderAccount | None:
    accounts = ProviderAccount.objects.filter(pk=account_id, is_active=True)
    with every_company():
        return accounts.exclude(api_key="").first()


def deliver(account: ProviderAccount, body: Mapping[str, Any]) -> bool:
    """Keep what was asked for; False where the same was kept already."""
    provider = providers.named(account.provider)
    about = provider.recognise(body)
    keys = AccountKeys(account.pk, account.company_id, account.provider, ())
    return inbox.receive(
        inbox.correlated(
            inbox.Delivery(
                orjson.dumps(body),
                keys,
                about.event,
                about.call_id,
                about.correlation_id,
                about.number,
                source=WebhookLog.Source.POLL,
            )
        )
    )


def poll_soon() -> int:
    """Have every account asked that can be; return how many."""
    pollable = [
        name
        for name, one in providers.every().items()
        if type(one).changed_since is not providers.Provider.changed_since
    ]
    accounts = ProviderAccount.objects.filter(is_active=True, provider__in=pollable)
    with every_company():
        ids = list(accounts.exclude(api_key="").values_list("id", flat=True))
    for account_id in ids:
        nudger.nudge("webhooks.poll_account", account_id=str(account_id))
    return len(ids)


def poll(account_id: UUID) -> int:
    """Ask an account what changed since the last time; return what was missing.

    Where the provider can't be asked, the next poll begins where this one did.
    """
    account = _account(account_id)
    if account is None:
        return 0
    begun = timezone.now()
    with every_company():
        known = ProviderPoll.objects.filter(account=account).first()
    since = known.polled_until if known else begun - FIRST_LOOK_BACK
    found, error = 0, ""
    let_go()
    try:
        changed = providers.named(account.provider).changed_since(
            account, since - OVERLAP, deadline=time.monotonic() + POLL_S
        )
        for body in changed:
            found += deliver(account, body)
    except AskProError as failure:
        error = str(failure)[:300]
    values: dict[str, Any] = {
        "company_id": account.company_id,
        "asked_at": begun,
        "last_error": error,
        "polled_until": since if error else begun,
    }
    if found:
        values["found_at"] = begun
    with every_company(), transaction.atomic():
        ProviderPoll.objects.update_or_create(account=account, defaults=values)
    return found
