"""Whoever is refused again and again is told to wait: guessing becomes slow.

Only refusals are counted. A request with a good proof never asks Redis here and is
never made to wait, also where others guess from behind the same address.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time

from django.conf import settings
from django.http import HttpRequest
from redis import Redis

from tenants import redis
from tenants.addresses import client_ip

logger = logging.getLogger(__name__)

WINDOW_S = 60
#: One household or one rented machine has a whole such network of addresses.
IPV6_NETWORK_BITS = 64


def wait_s(request: HttpRequest) -> int:
    """Count one refusal of this address; return how long it has to wait, else 0.

    While Redis is away nobody waits: the proof alone decides who comes in, always.
    """
    window, passed_s = divmod(time.time(), WINDOW_S)
    name = redis.platform_key("refused", _whose(request), int(window))

    def count(client: Redis) -> int:
        with client.pipeline(transaction=False) as pipeline:
            pipeline.incr(name)
            pipeline.expire(name, 2 * WINDOW_S)
            return int(pipeline.execute()[0])

    refused = redis.ask(count, otherwise=0)
    if refused <= settings.REFUSALS_PER_MINUTE:
        return 0
    if refused == settings.REFUSALS_PER_MINUTE + 1:
        logger.warning("an address is refused again and again")
    return max(1, math.ceil(WINDOW_S - passed_s))


def _whose(request: HttpRequest) -> str:
    """Return an address, or the network that it can't be told apart from."""
    address = client_ip(request) or "unknown"
    if ":" not in address:
        return address
    network = ipaddress.ip_network(f"{address}/{IPV6_NETWORK_BITS}", strict=False)
    return str(network)
