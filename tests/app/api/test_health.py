import threading

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.runtime.live_model import LiveModel
from app.runtime.workers import Workers
from models.domain.errors import BundleNotFound
from tests.app.conftest import wait_until_loaded
from tests.app.scripted_model import ScriptedModel


class TestWhileLoading:
    @pytest.fixture
    def may_open(self):
        return threading.Event()

    @pytest.fixture
    def live(self, may_open):
        def open_slowly():
            assert may_open.wait(timeout=20)
            return ScriptedModel()

        return LiveModel(open_slowly, Workers(threads=1, max_in_flight=1))

    @pytest.fixture
    def told(self):
        return []

    @pytest.fixture
    def loading_client(self, live, open_store, may_open, told):
        app = create_app(live, open_store, on_load_failure=told.append, on_ready=lambda: told.append("ready"))
        with TestClient(app, base_url="http://localhost") as client:
            yield client
            may_open.set()
            wait_until_loaded(client)

    def test_live_answers(self, loading_client):
        assert loading_client.get("/health/live").json() == {"status": "ok"}

    @pytest.mark.parametrize("path", ["/health/ready", "/health/startup", "/v1/model"])
    def test_the_rest_says_so(self, loading_client, path):
        answer = loading_client.get(path)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["detail"] == "the model is still loading"

    def test_recommendations_say_so_before_they_read_the_body(self, loading_client):
        assert loading_client.post("/v1/recommendations", content=b"{").status_code == 503

    def test_process_is_told_once_it_is_ready(self, loading_client, may_open, told):
        assert loading_client.get("/health/ready").status_code == 503
        assert told == []
        may_open.set()
        wait_until_loaded(loading_client)
        assert loading_client.get("/health/ready").status_code == 200
        assert told == ["ready"]

    def test_who_leaves_meanwhile_is_never_ready(self, loading_client, live, may_open, told):
        live.leave()
        may_open.set()
        wait_until_loaded(loading_client)
        assert loading_client.get("/health/ready").status_code == 503
        assert told == []

    def test_all_turn_when_loaded(self, loading_client, may_open):
        may_open.set()
        wait_until_loaded(loading_client)
        assert loading_client.get("/health/ready").status_code == 200


class TestLeaving:
    def test_not_ready_but_still_answering(self, client, live):
        live.leave()
        assert client.get("/health/ready").json()["detail"] == "the process is shutting down"
        assert client.get("/health/startup").status_code == 200
        assert client.get("/health/live").status_code == 200
        assert client.post("/v1/recommendations", json={"history": []}).status_code == 200


class TestWithoutTheDatabase:
    def test_is_not_ready_where_no_request_would_pass_for_want_of_the_keys(self, client, monkeypatch):
        assert client.get("/health/ready").status_code == 200
        monkeypatch.setattr("app.runtime.known_keys.TRUSTED_SECONDS", -1.0)
        assert client.get("/v1/model").status_code == 503
        assert client.get("/health/ready").json()["detail"] == "the API keys cannot be read"
        assert client.get("/health/live").status_code == 200


class TestFailedLoad:
    def test_failure_is_told_to_the_process(self, open_store, tmp_path):
        failures = []
        told = threading.Event()

        def tell(failure):
            failures.append(failure)
            told.set()

        def open_nothing():
            raise BundleNotFound(tmp_path)

        live = LiveModel(open_nothing, Workers(threads=1, max_in_flight=1))
        with TestClient(create_app(live, open_store, on_load_failure=tell), base_url="http://localhost") as client:
            assert told.wait(timeout=20)
            assert client.get("/health/ready").status_code == 503
        assert str(tmp_path) in str(failures[0])
