"""The product's settings, with handlers that fail, and a clock that may be wrong."""

import os
from datetime import UTC, datetime, timedelta

import time_machine

from askpro.settings import *  # noqa: F403

WEBHOOK_PROVIDERS = [
    "tests.chaos.faulty.FaultyRetell",
    "webhooks.providers.calcom.Calcom",
]

#: Seconds by which this process' clock is ahead.
if _AHEAD_S := int(os.environ.get("CHAOS_CLOCK_AHEAD_S", "0")):
    time_machine.travel(datetime.now(UTC) + timedelta(seconds=_AHEAD_S)).start()
