"""Wait for a worker's word while the caller is on the line; the row is the truth."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

from redis.exceptions import RedisError

from bookings.models import Appointment
from tenants import redis
from tenants.scoping import let_go

POLL_S = 0.1  # only while Redis is away


def _channel(company_id: UUID, appointment_id: UUID) -> str:
    return redis.company_key(company_id, "settled", appointment_id)


def wake(company_id: UUID, appointment_id: UUID) -> None:
    """Tell whoever waits that the appointment's row has moved."""
    redis.ask(
        lambda client: client.publish(_channel(company_id, appointment_id), b"1"),
        otherwise=0,
    )


def until_settled(
    company_id: UUID,
    appointment_id: UUID,
    *,
    deadline: float,
    start: Callable[[], None],
) -> None:
    """Call ``start``, then return once nothing is under way or the deadline has come.

    Subscribes first, so that no word is missed. Holds no connection meanwhile.

    :param deadline: on the monotonic clock.
    """
    client = redis.client()
    if client is None:
        start()
        return _poll(appointment_id, deadline)
    pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    try:
        pubsub.subscribe(_channel(company_id, appointment_id))
        pubsub.get_message(timeout=redis.TIMEOUT_S)
        start()
        while _is_open(appointment_id) and (left := deadline - time.monotonic()) > 0:
            let_go()
            pubsub.get_message(timeout=left)
    except (RedisError, OSError):
        redis.is_away()
        start()
        _poll(appointment_id, deadline)
    finally:
        pubsub.close()
    return None


def _poll(appointment_id: UUID, deadline: float) -> None:
    while _is_open(appointment_id) and (left := deadline - time.monotonic()) > 0:
        let_go()
        time.sleep(min(POLL_S, left))


def _is_open(appointment_id: UUID) -> bool:
    return Appointment.objects.filter(pk=appointment_id, intent__isnull=False).exists()
