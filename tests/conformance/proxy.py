"""A loopback proxy that shows our key: the conformance suite has none to show."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

#: Of this hop alone; all others, Host and Origin too, pass as they came.
_OF_THIS_HOP = frozenset({"connection", "keep-alive", "transfer-encoding"})


@contextmanager
def showing(key: str, target: str) -> Iterator[str]:
    """Yield the address at which each request to ``target`` shows the key."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def pass_on(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            to = http.client.HTTPConnection(urlsplit(target).netloc, timeout=30)
            to.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in _OF_THIS_HOP | {"authorization"}:
                    to.putheader(name, value)
            to.putheader("Authorization", f"Bearer {key}")
            to.endheaders(self.rfile.read(length))
            reply = to.getresponse()
            body = reply.read()
            self.send_response(reply.status, reply.reason)
            for name, value in reply.getheaders():
                if name.lower() not in _OF_THIS_HOP | {"content-length"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            to.close()

        do_GET = do_POST = do_DELETE = do_OPTIONS = pass_on

        def log_message(self, *_: object) -> None:
            """Say nothing: the key's requests are the suite's business."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
