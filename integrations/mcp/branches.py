"""The branch of a call and whether it is ready, remembered for some seconds."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from tenants import readiness
from tenants.accounts import account_for
from tenants.models import Branch, ProviderAccount
from tenants.resolver import Owner

#: What staff change is known to every process after this.
REMEMBERED_S = 5.0
MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Known:
    """A branch with its company, as it was a moment ago; not to be written to."""

    branch: Branch
    is_ready: bool
    #: Whose events tell of its calls.
    retell_account_id: UUID | None
    until: float


_remembered: OrderedDict[Owner, Known] = OrderedDict()


def of(owner: Owner) -> Known:
    """Return the owner's branch; run inside its company's scope."""
    known = _remembered.get(owner)
    if known is not None and known.until > time.monotonic():
        return known
    branch = Branch.objects.select_related("company").get(pk=owner.branch_id)
    account = account_for(branch, ProviderAccount.Provider.RETELL)
    known = Known(
        branch,
        is_ready=not readiness.gaps(branch),
        retell_account_id=account.pk if account else None,
        until=time.monotonic() + REMEMBERED_S,
    )
    _remembered[owner] = known
    while len(_remembered) > MOST_REMEMBERED:
        _remembered.popitem(last=False)
    return known
