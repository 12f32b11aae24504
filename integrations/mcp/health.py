"""How a company's tools are doing, for a machine that watches them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Q
from django.utils import timezone

from integrations import breaker
from integrations.models import ToolCall
from tenants.keys import KeyHolder
from tenants.models import ProviderAccount
from tenants.scoping import scope

#: The period that the figures count.
PERIOD = timedelta(hours=24)
#: Codes of answers that a caller had to be put off with.
FAILURES = ("internal", "unknown_state", "upstream_unavailable")


@dataclass(frozen=True)
class Tools:
    """What agents asked in the last day, and whether the company's accounts answer."""

    calls: int
    failed: int
    last_call_at: datetime | None
    #: By provider, of the company's own accounts: closed, open or half-open.
    circuits: dict[str, str]


def of_tools(holder: KeyHolder) -> Tools:
    """Return how the tools of one company are doing, and of no other."""
    with scope(holder.company_id):
        asked = ToolCall.objects.filter(
            company_id=holder.company_id, at__gte=timezone.now() - PERIOD
        )
        found = asked.aggregate(
            calls=Count("pk"),
            failed=Count("pk", filter=Q(code__in=FAILURES)),
            last_call_at=Max("at"),
        )
        own = ProviderAccount.objects.filter(
            company_id=holder.company_id, is_active=True
        )
        accounts = list(own.order_by("provider").values_list("provider", "pk"))
    circuits = {provider: breaker.state(str(pk)) for provider, pk in accounts}
    return Tools(**found, circuits=circuits)
