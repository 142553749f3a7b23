import time

import pytest

from app.runtime import model_switch
from app.runtime.live_catalogue import LiveCatalogue
from app.store import items
from models.domain.errors import StoreUnavailable

PATIENCE_SECONDS = 60  # how long a busy machine may take


def eventually(is_so):
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def served(client):
    return client.get("/v1/model").json()["model_version"]


def laid(client):
    return client.get("/v1/items/tea-5").json()["title"].rpartition(" of ")[2]


class TestActivate:
    """The database is away for a moment, after the switch was noted in it."""

    @pytest.fixture
    def fails_once(self, monkeypatch):
        """The next call of this function."""

        def make(owner, name):
            works, failed = getattr(owner, name), []

            async def fail_once(*arguments):
                if not failed:
                    failed.append(True)
                    raise StoreUnavailable("the database", "it is away")
                return await works(*arguments)

            monkeypatch.setattr(owner, name, fail_once)

        return make

    def test_that_could_not_serve_is_completed_by_following(self, process, fails_once):
        fails_once(LiveCatalogue, "_caught_up")
        assert process.post("/v1/models/tiny-2:activate").status_code == 503
        eventually(lambda: served(process) == laid(process) == "tiny-2")

    def test_that_could_not_lay_is_completed_by_following(self, process, fails_once):
        fails_once(items, "seed")
        assert process.post("/v1/models/tiny-2:activate").status_code == 503
        assert served(process) == "tiny-2"
        eventually(lambda: laid(process) == "tiny-2")

    def test_that_could_not_lay_is_completed_by_the_same_call_again(self, start_process, fails_once, monkeypatch):
        monkeypatch.setattr(model_switch, "POLL_SECONDS", 3600)
        with start_process() as process:
            fails_once(items, "seed")
            assert process.post("/v1/models/tiny-2:activate").status_code == 503
            assert (served(process), laid(process)) == ("tiny-2", "tiny-1")
            assert process.post("/v1/models/tiny-2:activate").status_code == 200
            assert (served(process), laid(process)) == ("tiny-2", "tiny-2")

    def test_of_a_process_that_ended_is_completed_by_another(self, start_process, fails_once):
        with start_process() as other:
            with start_process() as process:
                fails_once(items, "seed")
                assert process.post("/v1/models/tiny-2:activate").status_code == 503
            eventually(lambda: served(other) == laid(other) == "tiny-2")
