"""Who needs a second factor, and who has one."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.http import HttpRequest

from tenants import choice, resolver
from tenants.addresses import is_at_this_machine
from tenants.models import Membership

#: Recovery codes help who lost a factor; they are none.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)

_SEEN = "askpro_second_factor"


def is_missing(request: HttpRequest) -> bool:
    """Tell whether this person must set one up before anything else.

    Looked up until there is one; then the session remembers it. Where one is removed,
    this is forgotten and the person's other sessions end.
    """
    user = request.user
    if isinstance(user, AnonymousUser) or _is_demo(request):
        return False
    session: Any = getattr(request, "session", {})
    if session.get(_SEEN) or not _is_required(request, user):
        return False
    if not factors_of(user).exists():
        return True
    session[_SEEN] = True
    return False


def forget(request: HttpRequest) -> None:
    """Look it up again at the next request of this session."""
    request.session.pop(_SEEN, None)


def _is_required(request: HttpRequest, user: User) -> bool:
    return user.is_superuser or Membership.Role.OWNER in choice.roles(request).values()


def is_required_of(user: User) -> bool:
    """Tell whether a person must have one: owners anywhere, and operators."""
    return user.is_superuser or resolver.owns_a_company(user.pk)


def factors_of(user: User) -> QuerySet[Authenticator]:
    """Return what a person has beside the password."""
    found: QuerySet[Authenticator] = Authenticator.objects.filter(
        user=user, type__in=FACTORS
    )
    return found


def counts(authenticator: Authenticator) -> bool:
    """Tell whether it is one."""
    return authenticator.type in FACTORS


def _is_demo(request: HttpRequest) -> bool:
    """The demo asks for none, on its own machine only."""
    return settings.ASKPRO_MODE == "demo" and is_at_this_machine(request)
