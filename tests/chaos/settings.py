"""The product's settings, with handlers that fail now and then."""

from askpro.settings import *  # noqa: F403

WEBHOOK_PROVIDERS = [
    "tests.chaos.faulty.FaultyRetell",
    "webhooks.providers.calcom.Calcom",
]
