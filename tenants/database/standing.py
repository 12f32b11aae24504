"""A statement that runs so often that it gets connections of its own.

They stay open between requests, were told their scope once, and have the statement
prepared: one trip each time. Django's pool checks, tells and gives back each time.
"""

from __future__ import annotations

import atexit
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from django.db import connections

from tenants.scoping import wanted

_TELL = "SELECT set_config('role', %s, false), set_config('askpro.company', %s, false)"
#: Connections for each statement and process; who comes when all work waits.
MOST_LINES = 8
WAIT_S = 1.5

_Line = psycopg.Connection[tuple[Any, ...]]


class StandingStatement:
    """One statement, each run a transaction of its own; threads may share it.

    It must do no harm when it runs twice: where a connection broke while it lay idle,
    the statement runs again on a new one. All runs must be of one scope.
    """

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._idle: deque[_Line] = deque()
        self._turn = threading.BoundedSemaphore(MOST_LINES)
        atexit.register(self.close)

    def run(self, values: Sequence[Any]) -> tuple[Any, ...] | None:
        """Run it in the scope of the context; return its first row.

        :raises DatabaseError: PostgreSQL refused or is away.
        """
        with connections["default"].wrap_database_errors:
            if not self._turn.acquire(timeout=WAIT_S):
                raise psycopg.OperationalError("every connection is at work")
            try:
                return self._on_a_line(values)
            finally:
                self._turn.release()

    def _on_a_line(self, values: Sequence[Any]) -> tuple[Any, ...] | None:
        try:
            line = self._idle.pop()
        except IndexError:
            return self._run(self._opened(), values)
        try:
            return self._run(line, values)
        except psycopg.OperationalError:
            # The server went away meanwhile, and the other lines with it.
            self.close()
            return self._run(self._opened(), values)

    def close(self) -> None:
        """Close what lies idle."""
        with suppress(IndexError):
            while True:
                self._idle.pop().close()

    def _run(self, line: _Line, values: Sequence[Any]) -> tuple[Any, ...] | None:
        try:
            row = line.execute(self._sql, values, prepare=True).fetchone()
        except BaseException:
            line.close()
            raise
        self._idle.append(line)
        return row

    @staticmethod
    def _opened() -> _Line:
        connection: Any = connections["default"]
        parameters = connection.get_connection_params() | {
            "cursor_factory": psycopg.Cursor,
            "prepare_threshold": 0,
            "autocommit": True,
        }
        line: _Line = psycopg.connect(**parameters)
        line.execute(_TELL, wanted())
        return line
