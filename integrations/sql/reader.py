"""The reader's connection: one company's rows, for one query, and nothing else.

A login of its own that may read the views and no table. Whose rows they show stands on
a ticket, written by the application in that company's scope: a row of a walled table,
so that no company can write one for another. It is found by the connection's process
and by a random token that only this connection was started with: neither a forged
ticket nor one that outlived its connection serves anybody, also where the operating
system gives the same process number again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
from django.db import connections
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations.models import SqlTicket
from integrations.sql.refusals import QueryRefused
from integrations.sql.views import SCHEMA
from tenants.scoping import scope

TIMEOUT_S = 2.0
#: Of one company: the reader's connections are few, and others want to ask as well.
MOST_AT_ONCE = 3
#: A ticket outlives its query only where the process was killed.
STALE_AFTER = timedelta(minutes=1)

#: What the session is told at its start; a query can't say any of it.
_SETTINGS = {
    "default_transaction_read_only": "on",
    "search_path": SCHEMA,
    "statement_timeout": str(int(TIMEOUT_S * 1000)),
    "lock_timeout": "500",
    "idle_in_transaction_session_timeout": "5000",
    "idle_session_timeout": "5000",
    "work_mem": "4MB",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "application_name": "askpro-sql",
}

Connection = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def reader(company_id: UUID) -> Iterator[Connection]:
    """Open a connection that sees one company, and throw it away afterwards.

    A connection of its own for each query: whatever one did to it, no other meets it.

    :raises QueryRefused: too many of this company's run already.
    :raises psycopg.OperationalError: there is none to be had.
    """
    token = uuid4()
    with _connect(token) as connection, scope(company_id):
        SqlTicket.objects.filter(at__lt=timezone.now() - STALE_AFTER).delete()
        ticket = SqlTicket.objects.create(
            token=token, company_id=company_id, pid=connection.info.backend_pid
        )
        try:
            if SqlTicket.objects.count() > MOST_AT_ONCE:
                raise QueryRefused(
                    _("%(most)d queries run already. Wait a moment, then try again.")
                    % {"most": MOST_AT_ONCE}
                )
            yield connection
        finally:
            SqlTicket.objects.filter(pk=ticket.pk).delete()


def _connect(token: UUID) -> Connection:
    settings = _SETTINGS | {"askpro.ticket": str(token)}
    parameters: dict[str, Any] = connections["reader"].get_connection_params()
    told = [f"-c {name}={value}" for name, value in settings.items()]
    parameters |= {
        "cursor_factory": psycopg.RawCursor,
        "autocommit": True,
        "options": " ".join([parameters.get("options", ""), *told]).strip(),
    }
    parameters.pop("pool", None)
    connection: Connection = psycopg.connect(**parameters)
    connection.read_only = True
    return connection
