"""Forget what Redis remembers; everything in it can be found again."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from tenants import redis
from tenants.companies import UnknownCompany, find

BATCH = 500


class Command(BaseCommand):
    """Delete our keys, never Celery's."""

    help = "Clear remembered slots, seen deliveries and circuit breakers."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose."""
        parser.add_argument("--company", default="", help="number, short name or id")
        parser.add_argument("--json", action="store_true")

    def handle(self, *arguments: Any, **options: Any) -> None:
        """Delete, batch by batch."""
        pattern = redis.OURS
        if options["company"]:
            try:
                company = find(options["company"])
            except UnknownCompany as error:
                raise CommandError(str(error)) from error
            pattern = redis.company_key(company.pk, "*")
        client = get_redis_connection("default")
        count = 0
        try:
            keys = list(client.scan_iter(match=pattern, count=BATCH))
            for start in range(0, len(keys), BATCH):
                count += client.delete(*keys[start : start + BATCH])
        except RedisError as error:
            raise CommandError(
                "Redis does not answer: look at REDIS_URL and at its log."
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps({"forgotten": count}))
            return
        self.stdout.write(f"{count} entries forgotten.")
