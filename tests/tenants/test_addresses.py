"""Where a request came from: our own proxies are believed, nobody else."""

from __future__ import annotations

import pytest
from django.test import RequestFactory

from tenants.addresses import client_ip


def asked(remote, forwarded=None):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote)


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, None, "10.0.0.1"),
        (0, "6.6.6.6", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "nonsense", "10.0.0.1"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::1]:443", "2001:db8::1"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
    ],
)
def test_the_address_is_what_our_proxies_added(settings, proxies, forwarded, found):
    settings.TRUSTED_PROXY_COUNT = proxies

    assert client_ip(asked("10.0.0.1", forwarded)) == found


@pytest.mark.parametrize("remote", ["", "unix:", "somewhere"])
def test_a_socket_without_an_address_has_none(remote):
    assert client_ip(asked(remote)) is None
