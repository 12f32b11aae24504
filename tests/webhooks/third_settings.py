"""The product's settings with one provider more."""

from askpro.settings import *  # noqa: F403
from askpro.settings import WEBHOOK_PROVIDERS

WEBHOOK_PROVIDERS = [*WEBHOOK_PROVIDERS, "tests.webhooks.third.Third"]
