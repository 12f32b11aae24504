"""Signing in and out, passwords and second factors: told to the audit trail.

Each company that the person works for reads it in its own trail; the platform's has
what concerns operators, people without a company, and names that nobody has.
"""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.contrib.auth.signals import (
    user_logged_in,
    user_logged_out,
    user_login_failed,
)
from django.db.models import Q
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from askpro.actor import Actor, acting
from tenants import audit, resolver
from tenants.addresses import client_ip
from tenants.audit import Action

SUBJECT = "auth_user"
#: Nobody's id: looked up as well, so that an unknown name takes as long as a known one.
NOBODY = 0


def listen() -> None:
    """Connect to the signals of Django, and of allauth where it is installed."""
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    user_login_failed.connect(_failed)
    if apps.is_installed("allauth.account"):
        from allauth.account import signals as account

        for changed in (
            account.password_changed,
            account.password_set,
            account.password_reset,
        ):
            changed.connect(_password)
    if apps.is_installed("allauth.mfa"):
        from allauth.mfa import signals as mfa

        mfa.authenticator_added.connect(_factor_added)
        mfa.authenticator_removed.connect(_factor_removed)
        mfa.authenticator_reset.connect(_factor_reset)
        mfa.authentication_failed.connect(_factor_failed)


def _signed_in(request: HttpRequest | None, user: User, **_: Any) -> None:
    _record(Action.SIGNED_IN, request, user)


def _signed_out(request: HttpRequest | None, user: User | None, **_: Any) -> None:
    if user is not None:
        _record(Action.SIGNED_OUT, request, user)


def _failed(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    typed = str(credentials.get("username") or credentials.get("email") or "").strip()
    people = get_user_model().objects.filter(Q(username=typed) | Q(email__iexact=typed))
    found = list(people[:2])
    if typed and len(found) == 1:
        _record(Action.SIGN_IN_FAILED, request, found[0])
    else:
        # What was typed may be a password in the wrong field: a short keyed digest
        # shows that it was the same again, and nothing else.
        digest = salted_hmac("askpro.sign_ins", typed.lower()).hexdigest()[:8]
        _record(Action.SIGN_IN_FAILED, request, None, subject_id=f"unknown:{digest}")


def _password(request: HttpRequest | None, user: User, **_: Any) -> None:
    _record(Action.PASSWORD, request, user)


def _factor_added(request: Any, user: User, authenticator: Any, **_: Any) -> None:
    changes = {authenticator.type: [False, True]}
    _record(Action.SECOND_FACTOR, request, user, changes=changes)


def _factor_removed(request: Any, user: User, authenticator: Any, **_: Any) -> None:
    changes = {authenticator.type: [True, False]}
    _record(Action.SECOND_FACTOR, request, user, changes=changes)


def _factor_reset(request: Any, user: User, authenticator: Any, **_: Any) -> None:
    _record(Action.SECOND_FACTOR, request, user, changes={authenticator.type: True})


def _factor_failed(request: Any, user: User, authenticator: Any, **_: Any) -> None:
    changes = {"second_factor": [None, authenticator.type]}
    _record(Action.SIGN_IN_FAILED, request, user, changes=changes)


def _record(
    action: Action,
    request: HttpRequest | None,
    person: User | None,
    *,
    subject_id: str = "",
    changes: dict[str, Any] | None = None,
) -> None:
    name = person.get_username() if person else ""
    address = client_ip(request) if request is not None else None
    companies: list[Any] = [*resolver.companies_of(person.pk if person else NOBODY)]
    if person is None or person.is_superuser or not companies:
        companies.append(None)
    with acting(Actor("person", name, address)):
        for company_id in companies:
            audit.record(
                action,
                company_id=company_id,
                subject=SUBJECT,
                subject_id=str(person.pk) if person else subject_id,
                changes=changes,
            )
