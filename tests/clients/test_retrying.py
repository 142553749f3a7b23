"""What is sent again, how often and after how long."""

import socket
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from figment_client import Figment, NoAnswer, NotFound, Refused, Unavailable
from tests.clients.flaky_server import HANGS_UP, Scripted, flaky_server

EVENT = {"item_id": "item-1", "user_id": "u1", "event_type": "view", "timestamp": "2026-11-24T03:00:00Z"}


def busy(status=503, **headers):
    return Scripted(status, b"busy", {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def server():
    with flaky_server() as server:
        yield server


@pytest.fixture
def figment(server):
    with Figment(server.address, retries=2, longest_pause_seconds=1.5) as figment:
        yield figment


class TestReading:
    @pytest.mark.parametrize("first", [busy(), busy(429), busy(502), HANGS_UP])
    def test_is_tried_again(self, server, figment, first):
        server.script += [first, Scripted()]
        assert figment.model() == {}
        assert len(server.asked) == 2

    def test_gives_up_after_so_many_retries(self, server, figment):
        server.script += [busy()] * 3
        with pytest.raises(Unavailable, match="busy"):
            figment.model()
        assert len(server.asked) == 3

    @pytest.mark.parametrize("status", [400, 404, 422, 500, 504])
    def test_is_not_tried_again_where_the_answer_would_be_the_same(self, server, figment, status):
        server.script += [busy(status)]
        with pytest.raises(Refused) as caught:
            figment.model()
        assert caught.value.status == status

    def test_problem_that_cannot_be_read_is_told_by_its_status(self, server, figment):
        for body in (b"{", b"[]"):
            server.script += [Scripted(404, body, {"Content-Type": "application/problem+json"})]
            with pytest.raises(NotFound) as caught:
                figment.model()
            assert (caught.value.title, caught.value.detail, caught.value.errors) == ("Not Found", body.decode(), [])

    def test_answer_that_cannot_be_unpacked_is_none(self, server, figment):
        server.script += [Scripted(202, b"no gzip", {"Content-Encoding": "gzip"})]
        with pytest.raises(NoAnswer):
            figment.recommend(history=[])

    def test_broken_json_is_no_answer(self, server, figment):
        server.script += [Scripted(body=b"{")]
        with pytest.raises(NoAnswer, match="/v1/model was answered 200"):
            figment.model()


class TestPatience:
    def test_is_what_the_service_asks_for(self, server, figment):
        server.script += [busy(Retry_After="1"), Scripted()]
        started = time.monotonic()
        figment.model()
        assert time.monotonic() - started >= 1

    @pytest.mark.parametrize(
        "until",
        ["2", format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)],
        # by name: each test process has its own now, and all must collect the same tests
        ids=["seconds", "moment"],
    )
    def test_has_an_end(self, server, figment, until):
        server.script += [busy(Retry_After=until)]
        with pytest.raises(Unavailable) as caught:
            figment.model()
        assert caught.value.retry_after >= 2

    def test_a_moment_without_sense_is_no_moment(self, server, figment):
        server.script += [busy(500, Retry_After="soon")]
        with pytest.raises(Refused) as caught:
            figment.model()
        assert caught.value.retry_after is None

    def test_silence_has_an_end(self):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
            with (
                Figment(address, timeout_seconds=0.05, retries=1) as figment,
                pytest.raises(NoAnswer, match="timed out"),
            ):
                figment.model()


class TestWriting:
    @pytest.mark.parametrize(
        "asked",
        [
            {"events": [{**EVENT, "event_id": "e1"}, {**EVENT, "event_id": "e2"}]},
            {"events": [EVENT], "idempotency_key": "k1"},
        ],
    )
    def test_events_that_are_known_again_are_sent_again_as_they_were(self, server, figment, asked):
        server.script += [HANGS_UP, busy(409, Retry_After="0"), Scripted(202)]
        figment.post_events(**asked)
        assert len({body for _, _, body in server.asked}) == 1
        assert len(server.asked) == 3

    @pytest.mark.parametrize(
        "write",
        [
            lambda figment: figment.post_events(events=[{**EVENT, "event_id": "e1"}, EVENT]),
            lambda figment: figment.recommend(history=[]),
            lambda figment: figment.put_item("i1", {"title": "tea"}),
            lambda figment: figment.activate_model("m1"),
        ],
    )
    @pytest.mark.parametrize("first", [busy(), HANGS_UP])
    def test_nothing_else_is(self, server, figment, write, first):
        server.script += [first]
        with pytest.raises((Unavailable, NoAnswer)):
            write(figment)
        assert len(server.asked) == 1
