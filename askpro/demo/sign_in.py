"""The demo's sign-in link: on this machine only, for a day, gone with the password."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.core import signing
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from tenants.addresses import is_at_this_machine

SALT = "askpro.demo.sign_in"
MAX_AGE_S = 24 * 3600


def token(username: str) -> str:
    """Return what a sign-in link of this person ends with."""
    user = get_user_model().objects.get(username=username)
    return signing.dumps([user.pk, user.get_session_auth_hash()], salt=SALT)


def sign_in(request: HttpRequest, token: str) -> HttpResponse:
    """Sign the bearer of a valid link in, on this machine only."""
    if not is_at_this_machine(request):
        raise Http404
    try:
        pk, fingerprint = signing.loads(token, salt=SALT, max_age=MAX_AGE_S)
    except (signing.BadSignature, ValueError) as error:
        raise Http404 from error
    user = get_user_model().objects.filter(pk=pk, is_active=True).first()
    if user is None or user.get_session_auth_hash() != fingerprint:
        raise Http404
    login(request, user, backend=settings.AUTHENTICATION_BACKENDS[0])
    UserSession.objects.create_from_request(request, user=user)
    return redirect("admin:index")
