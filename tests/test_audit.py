"""The audit fails for weaknesses of the locked packages, not for want of a network."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from askpro.embedded import BASE_DIR

WEAKNESS = {
    "id": "PYSEC-0000-1",
    "summary": "invented",
    "affected": [
        {
            "package": {"name": "django", "ecosystem": "PyPI"},
            "ranges": [
                {
                    "type": "ECOSYSTEM",
                    "events": [{"introduced": "0"}, {"fixed": "99.1"}],
                }
            ],
        }
    ],
}


@contextmanager
def database(weak):
    """A database of weaknesses that speaks OSV's own HTTP."""

    class Answers(BaseHTTPRequestHandler):
        wbufsize = -1

        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = [WEAKNESS] if asked["package"]["name"] in weak else []
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
        server.shutdown()
        thread.join()


def audit(url):
    return subprocess.run(
        [sys.executable, ".ci/audit", "-s", "osv", "--osv-url", url],
        cwd=BASE_DIR,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_known_weakness_fails_and_is_named():
    with database({"django"}) as url:
        done = audit(url)

    assert done.returncode == 1
    assert "PYSEC-0000-1, mended: 99.1" in done.stdout
    assert "1 with known weaknesses." in done.stdout


def test_no_weakness_is_fine():
    with database(set()) as url:
        done = audit(url)

    assert done.returncode == 0
    assert "0 with known weaknesses." in done.stdout


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1/query"])
def test_a_database_out_of_reach_is_said_and_stops_nothing(url):
    done = audit(url)

    assert done.returncode == 0
    assert "Nothing was audited" in done.stdout
