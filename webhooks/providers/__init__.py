"""Who delivers events: each provider a module of its own, named in the settings.

One of them says how a delivery is verified, what it is about, and which handler works
on it. Nothing else in this app knows a provider by name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpResponse
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication

from tenants.models import ProviderAccount
from webhooks.handlers import Handler, UnknownEvent
from webhooks.inbox import Delivery

#: What figures call an event that no handler knows.
OTHER = "other"


@dataclass(frozen=True)
class Recognised:
    """What a body says about itself; empty where it says nothing."""

    event: str
    call_id: str = ""
    correlation_id: str = ""
    number: str = ""  # that was dialled; E.164


class Provider:
    """A provider of events."""

    #: As in its address and in ``ProviderAccount.provider``.
    name: ClassVar[str]
    #: Verifies the raw bytes; its ``auth`` is a :class:`tenants.accounts.Verified`.
    authentication: ClassVar[type[BaseAuthentication]]
    handlers: ClassVar[Mapping[str, Handler]]
    #: How long without any delivery is silence, in hours; None: a day.
    silent_after_h: ClassVar[float | None] = None

    def recognise(self, body: Mapping[str, Any]) -> Recognised:
        """Return what the body is about. Never raises for what it holds."""
        raise NotImplementedError

    def answer(self, delivery: Delivery, body: Mapping[str, Any]) -> HttpResponse:
        """Return what the provider gets to hear once the delivery is kept."""
        return HttpResponse(status=204)

    def changed_since(
        self, account: ProviderAccount, since: datetime, *, deadline: float
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the bodies of events that should have come since then and did not.

        :param deadline: by ``time.monotonic``.
        :raises AskProError: the provider can't be asked; what was yielded holds.
        """
        return iter(())

    def missing_of(
        self, account: ProviderAccount, call_id: str, *, deadline: float
    ) -> Mapping[str, Any] | None:
        """Return the body of the event that a call lacks; None: it is still going on.

        :raises AskProError: the provider can't be asked.
        """
        return None

    def handler_of(self, event: str) -> Handler:
        """Return who works on an event.

        :raises UnknownEvent: nobody does; the delivery is kept as ignored.
        """
        handler = self.handlers.get(event)
        if handler is None:
            raise UnknownEvent(f"{self.name} {event}")
        return handler

    def label(self, event: str) -> str:
        """Return the event as figures name it: their names are ours, never others'."""
        return event if event in self.handlers else OTHER


@cache
def every() -> Mapping[str, Provider]:
    """Return the providers of the settings, by name."""
    made: list[Provider] = [
        import_string(path)() for path in settings.WEBHOOK_PROVIDERS
    ]
    return {provider.name: provider for provider in made}


def named(name: str) -> Provider:
    """Return a provider.

    :raises UnknownEvent: the settings do not name it any more.
    """
    provider = every().get(name)
    if provider is None:
        raise UnknownEvent(name)
    return provider


def label(provider: str, event: str) -> str:
    """Return the event as figures name it, also of a provider that is gone."""
    known = every().get(provider)
    return known.label(event) if known else OTHER


def left_s(deadline: float) -> float:
    """Return what is left of a poll's time, in seconds; never nothing."""
    return max(0.1, deadline - time.monotonic())
