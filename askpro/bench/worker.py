"""The product's worker for live bookings, with one empty task more."""

from __future__ import annotations

import sys

import django
from django.core.management import call_command

from askpro.celery import app

django.setup()

from tenants import redis  # noqa: E402


@app.task(name="bench.echo")
def echo(channel: str) -> None:
    """Tell whoever waits, and nothing else."""
    redis.ask(lambda client: client.publish(channel, b"1"), otherwise=0)


if __name__ == "__main__":
    call_command("worker", "--queues", "live", "--threads", sys.argv[1])
