"""Retell's handlers, of which one in twenty fails: before it wrote, or after."""

from __future__ import annotations

import random
from typing import Any

from tenants.resolver import Owner
from webhooks.handlers import StoredDelivery
from webhooks.providers.retell import Retell, RetellCall

BEFORE, AFTER = 0.025, 0.975


class Fault(RuntimeError):
    """A fault made on purpose."""


class FaultyCall(RetellCall):
    """Merges as the product does, or fails."""

    def apply(self, delivery: StoredDelivery, owner: Owner, facts: Any) -> None:
        """Write, and fail before or after it.

        :raises Fault: one time in twenty.
        """
        luck = random.random()
        if luck < BEFORE:
            raise Fault("before it wrote")
        super().apply(delivery, owner, facts)
        if luck > AFTER:
            raise Fault("after it wrote")


class FaultyRetell(Retell):
    """Retell with those handlers."""

    handlers = dict.fromkeys(Retell.handlers, FaultyCall())
