"""A second factor that was lost is taken away, by an operator and with a reason."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db import transaction

from askpro.people import sessions
from tenants import audit, resolver


def take_away(user: User, *, reason: str) -> int:
    """Remove every factor, recovery codes too; return how many there were.

    The person is signed out everywhere and told by e-mail. The trail of each company
    that the person works for says why, and the platform's too for operators.
    """
    with transaction.atomic():
        count: int = Authenticator.objects.filter(user=user).delete()[0]
        sessions.end_all(user)
        _write_down(user, {"factors": [count, 0], "reason": [None, reason]})
    if user.email:
        get_adapter().send_mail("account/email/second_factor_reset", user.email, {})
    return count


def _write_down(user: User, changes: dict[str, Any]) -> None:
    companies: list[UUID | None] = [*resolver.companies_of(user.pk)]
    if user.is_superuser or not companies:
        companies.append(None)
    for company_id in companies:
        audit.record(
            audit.Action.SECOND_FACTOR,
            company_id=company_id,
            subject="auth_user",
            subject_id=str(user.pk),
            changes=changes,
        )
