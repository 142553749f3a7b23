"""What a caller may send before its request is a request, over a real socket."""

import socket
import time
from contextlib import suppress

import orjson
import psutil
import pytest

from app.api.body import LEAST_BYTES_A_SECOND
from app.api.connection import MAX_HEAD_BYTES, SLICE_BYTES
from tests.service.process import serving

READ_SECONDS = 1.0
POST = b"POST /v1/recommendations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

IMPORT = b"POST /v1/items:batch HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"


@pytest.fixture(scope="module")
def service(tiny_bundle, tmp_path_factory):
    folder = tmp_path_factory.mktemp("connection")
    with serving(folder, bundle=tiny_bundle, read_seconds=READ_SECONDS) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture
def connection(service):
    with socket.create_connection(("127.0.0.1", service.client.base_url.port), timeout=20) as connection:
        yield connection


def all_of(connection):
    """What comes until the other side closes."""
    received = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(65_536):
            received += piece
    return received


def one_answer(connection):
    """The first answer of several, whose body is one small object."""
    received = b""
    while not received.endswith(b"}"):
        received += connection.recv(65_536)
    return received


def problem_in(received):
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem = orjson.loads(body)
    assert head.startswith(b"HTTP/1.1 %d " % problem["status"])
    assert b"x-request-id: " + problem["request_id"].encode() in head
    return problem


class TestHeadMethod:
    @pytest.mark.parametrize(
        "path", ["/health/live", "/health/ready", "/health/startup", "/v1/model", "/docs", "/openapi.json", "/nowhere"]
    )
    def test_answers_as_get_without_its_body(self, service, path):
        head, got = service.client.head(path), service.client.get(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        for name in ("content-type", "content-length"):
            assert head.headers[name] == got.headers[name]

    def test_connection_can_be_used_again(self, connection):
        connection.sendall(b"HEAD /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answers = all_of(connection)
        assert answers.count(b"HTTP/1.1 200 OK") == 2
        assert answers.count(b'{"status":"ok"}') == 1
        assert answers.endswith(b'{"status":"ok"}')

    def test_is_refused_where_get_is(self, service):
        answer = service.client.head("/v1/recommendations")
        assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "POST", b"")


class TestUnread:
    def test_body_of_a_request_that_was_refused_already_may_not_come_for_ever(self, connection):
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n")
        assert problem_in(one_answer(connection))["status"] == 404
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 20:
                connection.sendall(b"x")
                time.sleep(READ_SECONDS / 10)
        assert READ_SECONDS * 0.9 < time.monotonic() - began < 10

    def test_body_that_comes_in_time_leaves_the_connection_usable(self, connection):
        connection.sendall(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n")
        assert problem_in(one_answer(connection))["status"] == 404
        connection.sendall(b"body")
        for _ in range(3):
            connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
            time.sleep(READ_SECONDS / 2)

    def test_body_behind_a_request_that_was_answered_is_waited_for(self, connection):
        body = b'{"history": []}'
        length = b"Content-Length: %d\r\n\r\n" % len(body)
        connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" + POST + length + body[:2])
        for byte in body[2:]:
            time.sleep(READ_SECONDS * 0.05)
            connection.sendall(bytes([byte]))
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert all_of(connection).count(b"HTTP/1.1 200 ") == 3

    def test_answers_that_nobody_reads_are_thrown_away(self, service):
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", service.client.base_url.port))
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200)
            port = connection.getsockname()[1]
            give_up = time.monotonic() + 20
            while port in {
                each.raddr.port for each in psutil.Process(service.process.pid).net_connections() if each.raddr
            }:
                assert time.monotonic() < give_up
                time.sleep(0.1)
        assert service.client.get("/health/live").status_code == 200


class TestHead:
    def test_just_below_the_limit_is_read(self, connection):
        start = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: "
        connection.sendall(start + b"x" * (MAX_HEAD_BYTES - SLICE_BYTES - len(start)) + b"\r\n\r\n")
        assert all_of(connection).startswith(b"HTTP/1.1 200 ")

    @pytest.mark.parametrize("header", [b"X-%d: x\r\n", b"X-%d: " + b"x" * 9_000 + b"\r\n"])
    def test_many_headers_are_431(self, connection, header):
        head = b"GET /health/live HTTP/1.1\r\n"
        while len(head) <= MAX_HEAD_BYTES + SLICE_BYTES:
            head += header % len(head)
        connection.sendall(head[: MAX_HEAD_BYTES + SLICE_BYTES])
        problem = problem_in(all_of(connection))
        assert problem["status"] == 431
        assert str(MAX_HEAD_BYTES) in problem["detail"]

    def test_long_address_is_431(self, connection):
        connection.sendall(b"GET /".ljust(MAX_HEAD_BYTES + SLICE_BYTES, b"x"))
        assert problem_in(all_of(connection))["status"] == 431

    def test_endless_headers_take_no_memory(self, service, connection):
        before = psutil.Process(service.process.pid).memory_info().rss
        with suppress(ConnectionError):
            connection.sendall(b"GET /health/live HTTP/1.1\r\n")
            for number in range(100):
                connection.sendall(b"X-%d: " % number + b"x" * 1_000_000 + b"\r\n")
        assert psutil.Process(service.process.pid).memory_info().rss - before < 20e6

    def test_endless_trailers_take_no_memory(self, service, connection):
        before = psutil.Process(service.process.pid).memory_info().rss
        with suppress(ConnectionError):
            connection.sendall(POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n")
            for number in range(100):
                connection.sendall(b"X-%d: " % number + b"x" * 1_000_000 + b"\r\n")
        assert psutil.Process(service.process.pid).memory_info().rss - before < 20e6

    def test_limit_counts_each_request_of_a_connection(self, connection):
        head = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"x" * 40_000 + b"\r\n"
        for _ in range(3):
            connection.sendall(head + b"\r\n")
            assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(head + b"Connection: close\r\n\r\n")
        assert all_of(connection).startswith(b"HTTP/1.1 200 ")

    def test_what_is_not_http_is_400(self, connection):
        connection.sendall(b"hello\r\n\r\n")
        assert problem_in(all_of(connection))["status"] == 400


class TestTrickle:
    def test_head_is_408(self, connection):
        started = time.monotonic()
        connection.sendall(b"GET /health/live HTTP/1.1\r\n")
        with suppress(ConnectionError):
            for number in range(5):
                time.sleep(READ_SECONDS / 4)
                connection.sendall(b"X-%d: x\r\n" % number if number < 3 else b"")
        assert problem_in(all_of(connection))["status"] == 408
        assert time.monotonic() - started >= READ_SECONDS

    def test_second_head_of_a_connection_is_408(self, connection):
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert one_answer(connection).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /heal")
        assert problem_in(all_of(connection))["status"] == 408

    def test_silence_is_closed_without_a_word(self, connection):
        assert all_of(connection) == b""

    def test_body_is_408(self, connection):
        connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
        problem = problem_in(all_of(connection))
        assert problem["status"] == 408
        assert "body took longer than the limit, 1 s" in problem["detail"]

    def test_service_answers_others_meanwhile(self, service, connection):
        connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
        assert service.ask(history=[]).status_code == 200


class TestUpload:
    """Of items, which may take longer than other bodies."""

    def test_that_keeps_coming_is_taken_however_long_it_takes(self, service, connection):
        started = time.monotonic()
        rows = [orjson.dumps({"item_id": f"slow-{number}", "note": "x" * 8192}) + b"\n" for number in range(8)]
        connection.sendall(IMPORT + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(b"".join(rows)))
        for row in rows:
            time.sleep(READ_SECONDS / 4)
            connection.sendall(row)
        assert b'"accepted":8' in all_of(connection)
        assert time.monotonic() - started > 2 * READ_SECONDS

    def test_that_pauses_is_408(self, connection):
        connection.sendall(IMPORT + b"Content-Length: 1000000\r\n\r\n" + b"x" * 500_000)
        problem = problem_in(all_of(connection))
        assert problem["status"] == 408
        assert "paused for longer than the limit, 1 s" in problem["detail"]

    def test_that_only_trickles_is_408(self, connection):
        started = time.monotonic()
        connection.sendall(IMPORT + b"Content-Length: 1000000\r\n\r\n")
        with suppress(ConnectionError):
            while time.monotonic() - started < 4 * READ_SECONDS:
                connection.sendall(b"x")
                time.sleep(READ_SECONDS / 10)
        problem = problem_in(all_of(connection))
        assert problem["status"] == 408
        assert f"slower than the least, {LEAST_BYTES_A_SECOND} bytes a second" in problem["detail"]

    def test_of_a_document_too(self, connection):
        connection.sendall(IMPORT.replace(b"x-ndjson", b"json") + b'Content-Length: 100\r\n\r\n{"items": [')
        assert "paused" in problem_in(all_of(connection))["detail"]
