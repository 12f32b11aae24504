"""People who sign in by the pages, as they do."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from tests import factories as make
from tests.askpro.people.acts import sign_in


@pytest.fixture(autouse=True)
def _no_limits_reached():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """Slow hashes are Django's; here they would only take time."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def company():
    return make.make_company("salon")


@pytest.fixture
def client():
    """A browser of German staff."""
    return Client(headers={"accept-language": "de"})


@pytest.fixture
def client_of():
    """Further browsers, each with a session of its own."""

    def made(user):
        client = Client(headers={"accept-language": "de"})
        sign_in(client, user)
        return client

    return made
