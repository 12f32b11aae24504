"""The first page's sentences: what needs a person now, each with its rows."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from bookings.models import Callback
from tenants import permissions, readiness
from tenants.isolation.state import last_run, sentence
from tenants.models import Branch
from webhooks.models import WebhookLog
from webhooks.monitor import overdue


@dataclass(frozen=True)
class Matter:
    """Something that waits for a person, and where it is."""

    text: str
    url: str


@dataclass(frozen=True)
class State:
    """What the first page says."""

    sentence: str
    is_fine: bool
    matters: list[Matter]


def state(request: HttpRequest) -> State:
    """Return the state of what this person looks after; five queries and the gaps'."""
    branches = list(Branch.objects.filter(is_active=True, company__is_active=True))
    if not branches:
        add = reverse("admin:tenants_branch_add")
        begin = (
            [Matter(_("Add a branch"), add)] if permissions.may_edit(request) else []
        )
        return State(_("There is no branch yet."), False, begin)
    matters = [
        *(_of_the_set_up(branches) if permissions.may_see_set_up(request) else []),
        *_callbacks(),
        *_break_in(request),
    ]
    if not matters:
        return State(_("Everything is running. Nothing to do."), True, [])
    return State(_("This needs somebody:"), False, matters)


def _break_in(request: HttpRequest) -> list[Matter]:
    """Tell owners and operators where the wall has a hole."""
    if not permissions.is_owner(request):
        return []
    state, words = sentence(last_run())
    url = reverse("admin:tenants_isolationrun_changelist")
    return [Matter(words, url)] if state == "open" else []


def _of_the_set_up(branches: list[Branch]) -> list[Matter]:
    gaps = readiness.gaps_of(branches)
    return [
        *_not_ready(sum(bool(found) for found in gaps.values())),
        *_deliveries(WebhookLog.State.DEAD),
        *_deliveries(WebhookLog.State.UNRESOLVED),
        *_overdue(),
    ]


def _not_ready(count: int) -> list[Matter]:
    text = ngettext(
        "%(count)d branch can't take calls yet",
        "%(count)d branches can't take calls yet",
        count,
    )
    url = reverse("admin:tenants_branch_changelist") + (
        "?readiness=missing&is_active__exact=1"
    )
    return _matter(count, text, url)


def _deliveries(state: str) -> list[Matter]:
    count = WebhookLog.objects.filter(state=state).count()
    if state == WebhookLog.State.DEAD:
        text = ngettext(
            "%(count)d delivery failed", "%(count)d deliveries failed", count
        )
    else:
        text = ngettext(
            "%(count)d delivery belongs to no branch",
            "%(count)d deliveries belong to no branch",
            count,
        )
    url = reverse("admin:webhooks_webhooklog_changelist") + f"?state__exact={state}"
    return _matter(count, text, url)


def _overdue() -> list[Matter]:
    count = overdue(WebhookLog.objects.all()).count()
    text = ngettext(
        "%(count)d delivery is not worked on: what it changes is unknown",
        "%(count)d deliveries are not worked on: what they change is unknown",
        count,
    )
    url = reverse("admin:webhooks_webhooklog_changelist") + "?overdue=yes"
    return _matter(count, text, url)


def _callbacks() -> list[Matter]:
    due = Callback.objects.filter(
        state=Callback.State.OPEN, due_at__lte=timezone.now()
    ).count()
    text = ngettext("%(count)d callback is due", "%(count)d callbacks are due", due)
    return _matter(
        due, text, reverse("admin:bookings_callback_changelist") + "?due=yes"
    )


def _matter(count: int, text: str, url: str) -> list[Matter]:
    return [Matter(text % {"count": count}, url)] if count else []
