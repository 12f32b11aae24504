import socket
import threading
import time

import pytest

from askpro import correlation
from integrations.errors import (
    CircuitOpen,
    ProviderError,
    ProviderRejected,
    ProviderTimedOut,
    ProviderUnavailable,
)
from integrations.http import ProviderClient, shown
from tests.integrations.real_server import Server

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"
YES = OK + b'{"is": "ok"}'


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


class Circuit:
    """A breaker that writes down what it is told."""

    def __init__(self, *, is_open=False):
        self.is_open = is_open
        self.told = []

    def allow(self):
        if self.is_open:
            raise CircuitOpen("calcom")

    def succeeded(self):
        self.told.append("succeeded")

    def failed(self):
        self.told.append("failed")

    def undecided(self):
        self.told.append("undecided")


@pytest.fixture
def exchanges():
    return []


@pytest.fixture
def circuit():
    return Circuit()


@pytest.fixture
def client_of(exchanges, circuit):
    def make(url):
        return ProviderClient(
            url,
            headers={"Authorization": "Bearer cal_live_secret0000"},
            account_key="account-1",
            provider="calcom",
            record=exchanges.append,
            breaker=circuit,
        )

    return make


def yes(connection, request):
    connection.sendall(YES)
    return True


def said(status, body=b"", headers=b""):
    """Return an answer of this status and body."""

    def answer(connection, request):
        connection.sendall(
            b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n%s"
            % (status, len(body), headers, body)
        )
        return True

    return answer


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_an_answer_comes_back_as_what_its_json_says(serve, client_of, exchanges):
    server = serve(said(200, b'{"data": [1, "\xc3\xa4"]}'))

    with correlation.bound("call_1"):
        body = client_of(server.url).call("GET", "/v2/slots", timeout_s=2)

    assert body == {"data": [1, "ä"]}
    assert b"X-Correlation-ID: call_1" in server.requests[0]
    assert b"Authorization: Bearer cal_live_secret0000" in server.requests[0]
    (exchange,) = exchanges
    assert (exchange.method, exchange.path) == ("GET", "/v2/slots")
    assert (exchange.status, exchange.outcome, exchange.error) == (200, "ok", "")
    assert exchange.correlation_id == "call_1"


def test_an_empty_answer_is_none(serve, client_of):
    server = serve(said(204))

    assert client_of(server.url).call("DELETE", "/v2/x", timeout_s=2) is None


def test_a_correlation_id_from_outside_can_break_no_header(serve, client_of):
    server = serve(yes)

    with correlation.bound("call\r\nX-Evil: 1 ä"):
        client_of(server.url).call("GET", "/", timeout_s=2)

    assert b"X-Correlation-ID: callX-Evil:1\r\n" in server.requests[0]


class TestBounds:
    def test_a_silent_server_is_left_at_the_deadline(
        self, serve, client_of, exchanges, circuit
    ):
        server = serve(lambda connection, request: time.sleep(5))
        started = time.monotonic()

        with pytest.raises(ProviderTimedOut) as caught:
            client_of(server.url).call("POST", "/v2/bookings", timeout_s=0.6)

        assert 0.5 < time.monotonic() - started < 1.0
        assert caught.value.sent is True
        assert caught.value.retryable is True
        assert exchanges[0].outcome == "timeout"
        assert exchanges[0].status is None
        assert circuit.told == ["failed"]

    @pytest.mark.parametrize("part", ["head", "body", "chunks"])
    def test_a_server_that_drips_is_left_at_the_deadline(self, serve, client_of, part):
        start = {
            "head": b"HTTP/1.1 200 OK\r\nX-Long: ",
            "body": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
            "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        }[part]

        def drip(connection, request):
            connection.sendall(start)
            for _ in range(60):
                connection.sendall(b"1\r\n \r\n" if part == "chunks" else b" ")
                time.sleep(0.05)

        server = serve(drip)
        started = time.monotonic()

        with pytest.raises(ProviderTimedOut) as caught:
            client_of(server.url).call("GET", "/", timeout_s=0.6)

        assert time.monotonic() - started < 1.0
        assert caught.value.sent is True

    def test_a_kept_connection_gets_the_deadline_of_each_request(
        self, serve, client_of
    ):
        def slow(connection, request):
            time.sleep(0.3)
            return yes(connection, request)

        server = serve(slow)
        client = client_of(server.url)

        for _ in range(3):
            assert client.call("GET", "/", timeout_s=0.6) is not None

        assert server.connections == 1

    def test_a_hurried_time_out_says_nothing_about_the_provider(
        self, serve, client_of, circuit
    ):
        server = serve(lambda connection, request: time.sleep(2))

        with pytest.raises(ProviderTimedOut):
            client_of(server.url).call("GET", "/", timeout_s=0.1)

        assert circuit.told == ["undecided"]

    def test_without_time_left_nothing_is_sent(self, serve, client_of):
        server = serve(yes)
        client = client_of(server.url)
        client.call("GET", "/", timeout_s=2)

        with pytest.raises(ProviderTimedOut) as caught:
            client.call("POST", "/", timeout_s=-0.1)

        assert caught.value.sent is False
        assert len(server.requests) == 1

    def test_a_huge_answer_is_not_read(self, serve, client_of):
        def flood(connection, request):
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            for _ in range(200):
                connection.sendall(b" " * 65536)

        server = serve(flood)

        with pytest.raises(ProviderError, match="too large") as caught:
            client_of(server.url).call("GET", "/", timeout_s=5)

        assert caught.value.retryable is False


class TestWhetherItWasSent:
    def test_a_refused_connection_sent_nothing(self, client_of, exchanges, circuit):
        with pytest.raises(ProviderUnavailable) as caught:
            client_of(f"http://127.0.0.1:{free_port()}").call(
                "POST", "/v2/bookings", timeout_s=2
            )

        assert caught.value.sent is False
        assert exchanges[0].outcome == "unavailable"
        assert circuit.told == ["failed"]

    def test_an_unknown_name_sent_nothing(self, client_of):
        with pytest.raises(ProviderUnavailable) as caught:
            client_of("http://nowhere.invalid").call("POST", "/", timeout_s=5)

        assert caught.value.sent is False

    def test_a_handshake_that_never_ends_sent_nothing(self, client_of):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]

            with pytest.raises(ProviderTimedOut) as caught:
                client_of(f"https://127.0.0.1:{port}").call("POST", "/", timeout_s=0.6)

        assert caught.value.sent is False

    def test_a_connection_that_is_never_accepted_sent_nothing(self, client_of):
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            waiting = [socket.socket() for _ in range(3)]
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            started = time.monotonic()

            with pytest.raises(ProviderTimedOut) as caught:
                client_of(f"http://127.0.0.1:{port}").call("POST", "/", timeout_s=0.6)

            for one in waiting:
                one.close()
        assert time.monotonic() - started < 1.0
        assert caught.value.sent is False

    def test_a_cut_after_the_request_may_have_worked(self, serve, client_of):
        server = serve(lambda connection, request: False)

        with pytest.raises(ProviderUnavailable) as caught:
            client_of(server.url).call("POST", "/v2/bookings", timeout_s=2, json={})

        assert caught.value.sent is True
        assert len(server.requests) == 1  # and was not repeated

    def test_a_cut_within_the_answer_may_have_worked(self, serve, client_of):
        def cut(connection, request):
            connection.sendall(OK + b'{"is"')
            return False

        server = serve(cut)

        with pytest.raises(ProviderUnavailable) as caught:
            client_of(server.url).call("POST", "/v2/bookings", timeout_s=2, json={})

        assert caught.value.sent is True
        assert caught.value.status == 200

    def test_a_connection_that_the_server_closed_meanwhile_is_replaced(
        self, serve, client_of
    ):
        def once(connection, request):
            connection.sendall(YES)
            return False

        server = serve(once)
        client = client_of(server.url)
        client.call("GET", "/", timeout_s=2)
        time.sleep(0.1)

        assert client.call("POST", "/", timeout_s=2) is not None
        assert server.connections == 2

    def test_a_connection_that_was_idle_for_long_is_not_used(
        self, serve, client_of, monkeypatch
    ):
        monkeypatch.setattr("integrations.transport.MOST_IDLE_S", 0.05)
        server = serve(yes)
        client = client_of(server.url)
        client.call("GET", "/", timeout_s=2)
        time.sleep(0.1)
        client.call("POST", "/", timeout_s=2)

        assert server.connections == 2

    def test_a_key_that_no_header_can_hold_is_refused_at_once(
        self, serve, exchanges, circuit
    ):
        server = serve(yes)
        client = ProviderClient(
            server.url,
            headers={"Authorization": "Bearer cal_live_…"},
            account_key="account-1",
            provider="calcom",
            record=exchanges.append,
            breaker=circuit,
        )

        with pytest.raises(ProviderRejected, match="check it") as caught:
            client.call("POST", "/", timeout_s=2)

        assert caught.value.sent is False
        assert server.requests == []
        assert client.call("GET", "/", timeout_s=2, headers={"Authorization": "x"})


class TestAnswers:
    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
    def test_a_server_error_may_have_worked(self, serve, client_of, circuit, status):
        server = serve(said(status, b'{"statusCode": 500, "message": "Internal"}'))

        with pytest.raises(ProviderUnavailable) as caught:
            client_of(server.url).call("POST", "/", timeout_s=2)

        assert (caught.value.status, caught.value.sent) == (status, True)
        assert caught.value.text == "Internal"
        assert circuit.told == ["failed"]

    def test_too_many_requests_did_nothing(self, serve, client_of, circuit):
        server = serve(said(429))

        with pytest.raises(ProviderUnavailable) as caught:
            client_of(server.url).call("POST", "/", timeout_s=2)

        assert caught.value.sent is False
        assert circuit.told == ["failed"]

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
    def test_a_refusal_is_an_answer(self, serve, client_of, circuit, exchanges, status):
        body = b'{"status": "error", "error": {"code": "Bad", "message": "no"}}'
        server = serve(said(status, body))

        with pytest.raises(ProviderRejected) as caught:
            client_of(server.url).call("POST", "/", timeout_s=2)

        assert caught.value.retryable is False
        assert (caught.value.code, caught.value.text) == ("Bad", "no")
        assert exchanges[0].outcome == "rejected"
        assert exchanges[0].error == f"calcom: {status} Bad no"
        assert circuit.told == ["succeeded"]

    def test_the_reasons_of_a_bad_query_are_told(self, serve, client_of):
        body = (
            b'{"error": {"code": "X", "message": "Bad Request Exception", "details":'
            b' {"errors": [{"property": "take", "constraints": {"max": "too big"}}]}}}'
        )
        server = serve(said(400, body))

        with pytest.raises(ProviderRejected) as caught:
            client_of(server.url).call("GET", "/", timeout_s=2)

        assert caught.value.text == "Bad Request Exception; too big"

    @pytest.mark.parametrize("body", [b"<html>", b'{"a": NaN}', b"[" * 5000, b"\xff"])
    def test_an_answer_that_is_no_json_is_an_error_of_its_own(
        self, serve, client_of, circuit, body
    ):
        server = serve(said(200, body))

        with pytest.raises(ProviderError) as caught:
            client_of(server.url).call("POST", "/", timeout_s=2)

        assert not isinstance(caught.value, ProviderUnavailable | ProviderRejected)
        assert caught.value.sent is True
        assert circuit.told == ["failed"]

    @pytest.mark.parametrize("body", [b"[1]", b'"x"', b'{"error": {"message": 1}}'])
    def test_an_error_in_an_unknown_shape_is_still_an_error(
        self, serve, client_of, body
    ):
        server = serve(said(400, body))

        with pytest.raises(ProviderRejected) as caught:
            client_of(server.url).call("GET", "/", timeout_s=2)

        assert caught.value.text == ""

    def test_a_redirect_is_not_followed(self, serve, client_of):
        elsewhere = serve(yes)
        location = f"Location: {elsewhere.url}/\r\n".encode()
        server = serve(said(307, headers=location))

        with pytest.raises(ProviderError) as caught:
            client_of(server.url).call("POST", "/", timeout_s=2)

        assert caught.value.status == 307
        assert elsewhere.requests == []

    def test_a_cookie_of_one_account_is_not_sent_with_another(self, serve, client_of):
        server = serve(said(200, b"{}", headers=b"Set-Cookie: id=1; Path=/\r\n"))

        for _ in range(2):
            client_of(server.url).call("GET", "/", timeout_s=2)

        assert b"Cookie" not in server.requests[1]

    def test_a_proxy_from_the_environment_is_not_used(
        self, serve, client_of, monkeypatch
    ):
        proxy, server = serve(yes), serve(yes)
        monkeypatch.setenv("http_proxy", proxy.url)

        client_of(server.url).call("GET", "/", timeout_s=2)

        assert (len(proxy.requests), len(server.requests)) == (0, 1)


def test_an_open_circuit_asks_nobody(serve, client_of, circuit, exchanges):
    circuit.is_open = True
    server = serve(yes)

    with pytest.raises(CircuitOpen) as caught:
        client_of(server.url).call("POST", "/", timeout_s=2)

    assert caught.value.sent is False
    assert (server.requests, circuit.told) == ([], [])
    assert exchanges[0].outcome == "circuit_open"


class TestSecrets:
    @pytest.mark.parametrize(
        "words",
        [
            "PermissionsGuard - no oAuth client found for access token=abcdef",
            "bad key cal_live_abcdef",
            "Bearer abcdef is unknown",
            "api key: abcdef",
        ],
    )
    def test_a_key_that_the_provider_echoes_is_masked(self, words):
        error = ProviderRejected("calcom", status=403, text=words)

        assert "abcdef" not in f"{error}{error.text}"

    def test_uids_addresses_and_numbers_are_masked(self):
        error = ProviderRejected(
            "calcom",
            text="uid=7crn9vXVCDMRoLcHtxxybV of max@muster.example, +49 151 12345678",
        )

        assert error.text == "uid=… of …@…, …"

    def test_a_path_shows_no_uid_number_or_name(self):
        path = shown(
            "/v2/bookings/7crn9vXVCDMRoLcHtxxybV/cancel",
            {
                "eventTypeId": 7,
                "afterStart": "2026-12-07T09:00:00Z",
                "attendeeName": "Max",
            },
        )

        assert path == (
            "/v2/bookings/7crn9v…/cancel"
            "?eventTypeId=7&afterStart=2026-12-07T09:00:00Z&attendeeName=…"
        )
        assert shown("/get-phone-number/%2B493012345678") == "/get-phone-number/%2B493…"


def test_many_threads_share_one_client(serve, client_of, exchanges):
    server = serve(yes)
    client = client_of(server.url)
    answers = []

    def ask():
        for _ in range(10):
            answers.append(client.call("GET", "/", timeout_s=5))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == len(exchanges) == 160
    assert server.connections <= 16
