"""What people do on the pages of signing in."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager

from allauth.mfa.totp.internal.auth import hotp_value
from django.core import mail
from django.urls import reverse

from askpro import embedded
from tenants import redis
from tests import factories as make
from tests.system import eventually

PASSWORD = "ein langes Wort mit Zahl 7"
LOGIN = "/konto/login/"
RESET = "/konto/password/reset/"


def person(company, role="desk", **more):
    """Return somebody with a password who works in a company."""
    user = make.make_member(company=company, role=role, **more)
    user.set_password(PASSWORD)
    user.save()
    return user


def code_of(secret):
    """Return what an app shows at this moment."""
    return f"{hotp_value(secret, int(time.time()) // 30):06}"


def sign_in(client, user, password=PASSWORD, **more):
    """Send the form with name and password; names in capitals go beside it."""
    data = {"login": user if isinstance(user, str) else user.username}
    extra = {name: more.pop(name) for name in tuple(more) if name.isupper()}
    return client.post(LOGIN, data | {"password": password} | more, **extra)


def prove(client, password=PASSWORD):
    """Enter the password once more, as pages ask before they change a factor."""
    return client.post(reverse("account_reauthenticate"), {"password": password})


def letters(count=1):
    """Return what was sent; letters are sent beside the request."""
    return eventually(lambda: len(mail.outbox) >= count and list(mail.outbox))


def link_in(letter):
    """Return the path of the link to set a password."""
    (line,) = [one for one in letter.body.splitlines() if "/password/reset/key/" in one]
    assert line.startswith("http://127.0.0.1:8000/"), "PUBLIC_BASE_URL"
    return line.removeprefix("http://127.0.0.1:8000")


def set_password(client, letter, password):
    """Follow a letter's link and set a password there."""
    form = client.get(link_in(letter), follow=True)
    assert form.redirect_chain, "the link is not valid"
    return client.post(
        form.redirect_chain[-1][0], {"password1": password, "password2": password}
    )


@contextmanager
def hanging_redis():
    """Let Redis accept connections and never answer."""
    pid = embedded.pids(embedded.var_folder())["redis"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
        eventually(lambda: redis.client() is not None)
