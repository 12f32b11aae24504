"""Sessions that end because of what their person did elsewhere."""

from __future__ import annotations

from typing import Any

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import User
from django.http import HttpRequest

from askpro.people import second_factor


def listen() -> None:
    """End sessions whenever it changes what a sign-in takes."""
    signals.authenticator_added.connect(_added)
    signals.authenticator_removed.connect(_removed)


def end_all(user: User, *, but: str | None = None) -> None:
    """Sign a person out everywhere.

    :param but: the key of the one session that stays.
    """
    for session in UserSession.objects.filter(user=user).exclude(session_key=but):
        session.end()


def _added(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    """With the first factor: who signed in by the password alone may be a thief."""
    others = second_factor.factors_of(user).exclude(pk=authenticator.pk)
    if second_factor.counts(authenticator) and not others.exists():
        end_all(user, but=request.session.session_key)


def _removed(
    request: HttpRequest, user: User, authenticator: Authenticator, **_: Any
) -> None:
    if second_factor.counts(authenticator):
        second_factor.forget(request)
        end_all(user, but=request.session.session_key)
