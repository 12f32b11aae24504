"""No faster than Retell lets a workspace ask: counted for all processes, in Redis.

Each path has a limit of its own. Without Redis nothing is counted, and Retell's 429
tells instead.
"""

from __future__ import annotations

import re
import time

from redis import Redis

from integrations.errors import ProviderUnavailable
from tenants import redis

WINDOW_S = 10
#: Retell's are 15 and 100; a few are left to the dashboard and to other programs.
LIST_LIMIT, LIMIT = 12, 80
_LIST = re.compile(r"/v\d+/list-")


class Pace:
    """The requests of one account."""

    def __init__(self, account_key: str) -> None:
        self._account_key = account_key

    def wait(self, method: str, path: str, *, within_s: float) -> None:
        """Return when the request may be sent.

        :raises ProviderUnavailable: that would take longer; nothing is sent.
        """
        give_up = time.monotonic() + within_s
        limit = LIST_LIMIT if _LIST.match(path) else LIMIT
        route = f"{method}{_route_of(path)}"
        while self._count(route) > limit:
            pause_s = WINDOW_S - time.time() % WINDOW_S
            if time.monotonic() + pause_s >= give_up:
                raise ProviderUnavailable(
                    "retell",
                    text="asked too often, try again in ten seconds",
                    sent=False,
                )
            time.sleep(pause_s)

    def _count(self, route: str) -> int:
        window = int(time.time() // WINDOW_S)
        key = redis.platform_key("retell-pace", self._account_key, route, window)

        def ask(client: Redis) -> int:
            with client.pipeline(transaction=False) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, 2 * WINDOW_S)
                return int(pipeline.execute()[0])

        return redis.ask(ask, otherwise=0)


def _route_of(path: str) -> str:
    """Return the path without the id at its end."""
    parts = path.split("/")
    return "/".join(parts[:3] if re.fullmatch(r"v\d+", parts[1]) else parts[:2])
