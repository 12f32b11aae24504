"""The sandbox's HTTP server: one process, one port, both providers.

It is written on the standard library's server because it must be able to hang up
in the middle of an exchange, which no web framework lets its views do.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import struct
import sys
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from django.db import DatabaseError, connections

from integrations.sandbox import (
    calcom,
    calcom_errors,
    control,
    faults,
    retell,
    retell_exchange,
)
from integrations.sandbox.exchange import Handler, Request, Response
from integrations.sandbox.models import Fault, ReceivedRequest

CORRELATION_HEADER = "x-correlation-id"
_HANG_UP_AT_ONCE = struct.pack("ii", 1, 0)


def _etag(payload: bytes) -> str:
    digest = base64.b64encode(hashlib.sha1(payload).digest())[:27].decode()  # noqa: S324
    return f'W/"{len(payload):x}-{digest}"'


def _retell_route(handler: retell_exchange.Handler) -> Handler:
    def answer(request: Request) -> Response:
        try:
            body = request.json()
        except ValueError:
            return Response(400, {"status": "error", "message": "Invalid JSON"})
        told = handler(
            retell_exchange.Asked(
                body=body,
                query=request.query,
                ids=request.ids,
                authorization=request.headers.get("authorization", ""),
            )
        )
        return Response(told.status, told.body)

    return answer


class Router:
    """Finds the handler of a path; the first that matches."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            *self._compiled(
                [(m, path, _retell_route(do)) for m, path, do in retell.ROUTES]
            ),
            *self._compiled(control.ROUTES),
        ]

    @staticmethod
    def _compiled(
        routes: list[tuple[str, str, Handler]],
    ) -> list[tuple[str, re.Pattern[str], Handler]]:
        return [(method, re.compile(path), do) for method, path, do in routes]

    def answer(self, request: Request) -> Response:
        """Answer a request to any of the doors."""
        if request.route_path.startswith("/calcom/"):
            request.path = request.path.removeprefix("/calcom")
            return calcom.answer(request)
        for method, pattern, handler in self._routes:
            found = pattern.fullmatch(request.route_path)
            if found and method == request.method:
                request.ids = tuple(found.groups())
                return handler(request)
        return Response(404, {"status": "error", "message": "Not found"})


class Exchange(BaseHTTPRequestHandler):
    """One connection; HTTP/1.1, kept alive, each answer flushed once."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 300
    server: SandboxServer

    def do_GET(self) -> None:
        """Take the request, misbehave where that was ordered, answer."""
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(length),
        )
        begun = time.monotonic()
        path, status, fault = self.path, None, None
        try:
            if not path.startswith("/_sandbox/"):
                fault = faults.take(request.method, path)
            status = self._exchange(request, fault)
        finally:
            try:
                if not path.startswith("/_sandbox/"):
                    self._note(request, path, status, fault, begun)
            finally:
                connections.close_all()
        if status is None:
            self._hang_up()
        else:
            self.wfile.flush()

    @staticmethod
    def _note(
        request: Request,
        path: str,
        status: int | None,
        fault: Fault | None,
        begun: float,
    ) -> None:
        ReceivedRequest.objects.create(
            method=request.method,
            path=path,
            status=status,
            fault=fault.kind if fault else "",
            correlation_id=request.headers.get(CORRELATION_HEADER, "")[:200],
            duration_ms=round((time.monotonic() - begun) * 1000),
        )

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _exchange(self, request: Request, fault: Fault | None) -> int | None:
        """Write the answer; return its status, None where the line is to be cut."""
        kind = fault.kind if fault else ""
        value = fault.value if fault else 0.0
        if kind == Fault.Kind.CUT_BEFORE:
            return None
        if kind == Fault.Kind.DELAY:
            self._wait(value)
        if fault and kind == Fault.Kind.STATUS:
            response = faults.refusal(fault, request)
        else:
            response = self._answer(request)
        if kind == Fault.Kind.CUT_AFTER:
            return None
        if kind == Fault.Kind.DELAY_AFTER:
            self._wait(value)
        if fault and kind == Fault.Kind.STATUS_AFTER:
            response = faults.refusal(fault, request)
        if fault and kind == Fault.Kind.SHAPE:
            response.body = fault.body
        self._write(response, is_cut=kind == Fault.Kind.CUT_MIDWAY)
        return None if kind == Fault.Kind.CUT_MIDWAY else response.status

    def _answer(self, request: Request) -> Response:
        try:
            return self.server.router.answer(request)
        except DatabaseError:
            return calcom_errors.bare(500, "Internal server error")

    @staticmethod
    def _wait(seconds: float) -> None:
        connections.close_all()
        time.sleep(seconds)

    def _write(self, response: Response, *, is_cut: bool) -> None:
        payload = response.payload()
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("X-Request-Id", str(uuid.uuid4()))
        if payload:
            self.send_header("Content-Type", "application/json; charset=utf-8")
            self.send_header("ETag", _etag(payload))
        if response.status != 204:
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload[: len(payload) // 2] if is_cut else payload)
        if is_cut:
            self.wfile.flush()
            time.sleep(0.05)  # else the reset overtakes what was sent

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, _HANG_UP_AT_ONCE
        )
        self.connection.close()

    def log_message(self, *arguments: Any) -> None:
        """Keep silent: the journal has it."""


class SandboxServer(ThreadingHTTPServer):
    """The server; each connection has a thread."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int = 0) -> None:
        """Listen on loopback only; port 0 takes a free one."""
        self.router = Router()
        super().__init__(("127.0.0.1", port), Exchange)

    @property
    def base_url(self) -> str:
        """Return the address without a provider's path."""
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep silent about callers who hang up, as they are meant to."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)
