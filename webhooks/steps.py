"""What happens to a delivery, step by step, for whoever sets ``WEBHOOK_DEBUG``.

Kinds, ids of ours, counts and times: nothing that a caller said or is called.
"""

from __future__ import annotations

import logging

from django.conf import settings

logger = logging.getLogger(__name__)


def tell(step: str, **facts: str | int | bool | None) -> None:
    """Log a step, where it is wanted."""
    if settings.WEBHOOK_DEBUG:
        logger.info("delivery: %s", step, extra={"step": step, **facts})
