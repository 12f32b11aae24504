"""The demo's sign-in link lets its bearer in, for a day, while the password stays."""

from __future__ import annotations

import pytest
import time_machine
from django.contrib.auth import get_user, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from django.http import Http404
from django.urls import resolve

from askpro.demo import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return get_user_model().objects.create_superuser("op@askpro.example", password="x")


def opened(rf, token):
    request = rf.get("/admin/sign-in/token")
    request.session = SessionStore()
    response = sign_in.sign_in(request, token)
    assert response.status_code == 302
    return get_user(request)


def test_a_link_signs_its_bearer_in(rf, operator):
    assert opened(rf, sign_in.token(operator.username)) == operator


def test_a_link_ends_with_the_password_the_user_and_the_day(rf, operator):
    token = sign_in.token(operator.username)
    with time_machine.travel("2099-01-01"), pytest.raises(Http404):
        opened(rf, token)
    with pytest.raises(Http404):
        opened(rf, token[:-1] + ("a" if token[-1] != "a" else "b"))

    operator.is_active = False
    operator.save()
    with pytest.raises(Http404):
        opened(rf, token)
    operator.is_active = True
    operator.set_password("y")
    operator.save()
    with pytest.raises(Http404):
        opened(rf, token)


@pytest.mark.parametrize(
    "elsewhere", [{"REMOTE_ADDR": "192.0.2.7"}, {"HTTP_X_FORWARDED_FOR": "192.0.2.7"}]
)
def test_a_link_works_on_this_machine_alone(rf, operator, elsewhere):
    request = rf.get("/admin/sign-in/token", **elsewhere)
    request.session = SessionStore()

    with pytest.raises(Http404):
        sign_in.sign_in(request, sign_in.token(operator.username))

    assert not get_user(request).is_authenticated


def test_there_is_no_such_door_outside_of_the_demo():
    assert resolve("/admin/sign-in/token").func != sign_in.sign_in
