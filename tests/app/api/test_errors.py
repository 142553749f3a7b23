import time

import pytest
from fastapi.testclient import TestClient

from app.api.errors import told_of
from app.main import create_app
from models.domain import errors
from models.domain.errors import DeadlineExceeded, HistoryTooLong, NotReady, Overloaded, UnknownName
from tests.app.conftest import wait_until_loaded


def check_problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert set(told) == {"type", "title", "status", "detail", "instance", "errors", "request_id"}
    assert told["status"] == status
    assert told["request_id"] == answer.headers["x-request-id"]
    return told


class TestToldOf:
    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (HistoryTooLong(812, 500), 422),
            (UnknownName("property", "colour", ["title"]), 422),
            (NotReady("loading"), 503),
            (Overloaded(64, 64), 503),
            (DeadlineExceeded(5), 504),
        ],
    )
    def test_own_errors_tell_their_message(self, error, status):
        assert (told_of(error).status, told_of(error).detail) == (status, str(error))

    @pytest.mark.parametrize("error", [RuntimeError("secret"), errors.BundleError("secret")])
    def test_unexpected_errors_tell_nothing(self, error):
        assert told_of(error).status == 500
        assert "secret" not in told_of(error).detail

    def test_waiting_helps_when_busy(self):
        assert told_of(Overloaded(1, 1)).headers["Retry-After"] == "1"


def wait_for_all_permits(live):
    """An answer may be there a moment before its permit is given back."""
    give_up = time.monotonic() + 10
    while live.workers.in_flight:
        assert time.monotonic() < give_up
        time.sleep(0.005)


class TestOverHttp:
    def test_unknown_path_is_404(self, client):
        assert check_problem(client.get("/v1/nothing"), 404)["instance"] == "/v1/nothing"

    def test_wrong_method_is_405_and_says_which_is_right(self, client):
        answer = client.get("/v1/recommendations")
        check_problem(answer, 405)
        assert answer.headers["allow"] == "POST"

    def test_wrong_method_is_told_all_that_the_path_has(self, client):
        assert client.post("/v1/items/item-1").headers["allow"] == "DELETE, GET, PATCH, PUT"

    def test_long_path_is_cut(self, client):
        assert len(client.get("/" + "x" * 5_000).content) < 1_000

    def test_every_refusal_is_a_problem_document(self, client):
        check_problem(client.post("/v1/recommendations", json={}), 422)
        check_problem(
            client.post("/v1/recommendations", content=b"{", headers={"Content-Type": "application/json"}), 400
        )
        check_problem(client.post("/v1/recommendations", content=b"{}"), 415)

    def test_unexpected_error_is_500_without_its_words(self, client, model):
        model.recommend = None  # not callable
        told = check_problem(client.post("/v1/recommendations", json={"history": []}), 500)
        assert "callable" not in str(told)
        assert "Traceback" not in str(told)

    def test_deadline_is_504_and_gives_the_permit_back_when_the_work_ends(self, client, model, live):
        model.gate.clear()
        answer = client.post("/v1/recommendations", json={"history": []}, headers={"X-Request-Timeout-Ms": "300"})
        assert "300 ms" in check_problem(answer, 504)["detail"]
        assert live.workers.in_flight == 1
        model.gate.set()
        assert client.post("/v1/recommendations", json={"history": []}).status_code == 200
        wait_for_all_permits(live)

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/v1/recommendations", {"history": []}),
            ("/v1/recommendations:batch", {"requests": [{"history": []}, {"history": []}]}),
            ("/v1/search", {"query": "tea", "history": []}),
        ],
    )
    def test_without_a_time_limit_of_its_own_a_request_has_the_service_s(self, live, open_store, model, path, body):
        app = create_app(live, open_store, on_load_failure=pytest.fail, answer_seconds=0.3)
        with TestClient(app, base_url="http://localhost") as client:
            wait_until_loaded(client)
            model.gate.clear()
            assert "300 ms" in check_problem(client.post(path, json=body), 504)["detail"]
            longer = client.post(path, json=body, headers={"X-Request-Timeout-Ms": "400"})
            assert "400 ms" in check_problem(longer, 504)["detail"]
            model.gate.set()
            wait_for_all_permits(live)

    @pytest.mark.parametrize("limit", ["0", "-5", "soon", "1.5", "600001", "9" * 5_000])
    def test_senseless_time_limit_is_422(self, client, limit):
        answer = client.post("/v1/recommendations", json={"history": []}, headers={"X-Request-Timeout-Ms": limit})
        told = check_problem(answer, 422)
        assert told["errors"][0]["pointer"] == "header:X-Request-Timeout-Ms"
        assert len(answer.content) < 1_000

    def test_without_a_permit_503_at_once(self, client, model, live):
        model.gate.clear()
        for _ in range(live.workers.max_in_flight):
            client.post("/v1/recommendations", json={"history": []}, headers={"X-Request-Timeout-Ms": "300"})
        answer = client.post("/v1/recommendations", json={"history": []})
        assert "2 of 2 permits are taken, and the request needs 1" in check_problem(answer, 503)["detail"]
        assert answer.headers["retry-after"] == "1"
        check_problem(client.get("/health/ready"), 503)
        assert client.get("/health/live").status_code == 200
        model.gate.set()
