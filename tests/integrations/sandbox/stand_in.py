"""A web server that stands in for AskPro, and for the sandbox's own levers."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from integrations.retell import signatures
from integrations.sandbox import wire

KEY = "key_example_0123456789abcdef"
RING_ANSWER = {
    "call_inbound": {
        "dynamic_variables": {"betrieb": "Salon Morgenrot", "heute": "Montag"},
        "metadata": {"correlation_id": "inb_17", "branch": "berlin"},
    }
}
TOOL_ANSWER = {"success": True, "code": "ok", "say": "Frei ist zehn Uhr.", "data": {}}


class StandIn:
    """Notes every request and whether its signature holds; answers as told.

    An answer is (status, value); several wait in a list, the last one stays.
    """

    def __init__(self):
        self.requests = []
        self.levers = []
        self.state = {}
        self.answers = {"call_inbound": [(200, RING_ANSWER)]}
        self.tool_answers = {}
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self):
        """Stop answering; a second time does nothing."""
        if self.thread.is_alive():
            self.server.shutdown()
            self.server.server_close()
            self.thread.join()

    def events(self):
        return [body["event"] for _, body, _ in self.requests if "event" in body]

    def tools(self):
        return [
            (path.rpartition("/")[2], body["args"])
            for path, body, _ in self.requests
            if "args" in body
        ]

    def body(self, event):
        return next(body for _, body, _ in self.requests if body.get("event") == event)

    def answer(self, method, path, raw, signature):
        if "/_sandbox/" in path:
            self.levers.append((method, path, json.loads(raw) if raw else None))
            return (200, self.state) if method == "GET" else (204, None)
        body = json.loads(raw)
        assert raw == wire.compact(body)
        now_ms = round(time.time() * 1000)
        is_genuine = signatures.verify(raw, signature, [KEY], now_ms=now_ms)
        with self.lock:
            self.requests.append((path, body, is_genuine))
            if "event" in body:
                queue = self.answers.get(body["event"], [(204, None)])
            else:
                name = path.rpartition("/")[2]
                queue = self.tool_answers.get(name, [(200, TOOL_ANSWER)])
            return queue.pop(0) if len(queue) > 1 else queue[0]


def handler_of(stand_in):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            signature = self.headers.get("X-Retell-Signature")
            status, value = stand_in.answer(self.command, self.path, raw, signature)
            self.send_response(status)
            payload = b"" if value is None else json.dumps(value).encode()
            if status != 204:
                self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_PUT = do_DELETE = do_POST

        def log_message(self, *arguments):
            pass

    return Handler
