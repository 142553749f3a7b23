import pytest
from structlog.testing import capture_logs

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def requests(lines):
    """Without what the service logs by itself meanwhile."""
    return [line for line in lines if line["event"] == "request"]


class TestRequestId:
    def test_sent_id_comes_back_everywhere(self, client):
        answer = client.post("/v1/recommendations", json={"history": []}, headers={"X-Request-Id": "r 1"})
        assert answer.headers["x-request-id"] == answer.json()["meta"]["request_id"] == "r 1"

    def test_one_is_made_where_none_is_sent(self, client):
        ids = {client.get("/health/live").headers["x-request-id"] for _ in range(3)}
        assert len(ids) == 3

    @pytest.mark.parametrize("sent", ["", "x" * 129, "tab\there", "\x7f", "ümlaut".encode()])
    def test_what_could_forge_a_log_is_replaced(self, client, sent):
        answer = client.get("/health/live", headers={"X-Request-Id": sent})
        assert len(answer.headers["x-request-id"]) == 32


class TestTraceparent:
    def test_comes_back(self, client):
        assert client.get("/health/live", headers={"traceparent": TRACEPARENT}).headers["traceparent"] == TRACEPARENT

    def test_malformed_does_not(self, client):
        assert "traceparent" not in client.get("/health/live", headers={"traceparent": "00-1-2-3"}).headers


class TestLog:
    def test_one_line_a_request(self, client):
        with capture_logs() as lines:
            client.post("/v1/recommendations", json={"history": []}, headers={"X-Request-Id": "r1"})
        (line,) = requests(lines)
        assert line.pop("ms") > 0
        assert line == {
            "event": "request",
            "log_level": "info",
            "method": "POST",
            "path": "/v1/recommendations",
            "status": 200,
            "request_id": "r1",
        }

    def test_head_is_logged_as_such(self, client):
        with capture_logs() as lines:
            client.head("/v1/model")
        assert [(line["method"], line["path"], line["status"]) for line in requests(lines)] == [
            ("HEAD", "/v1/model", 200)
        ]

    def test_paths_that_do_not_exist_are_not_logged(self, client):
        with capture_logs() as lines:
            client.get("/v1/shoppers/raw-user-id")
        assert "raw-user-id" not in str(lines)
        assert [line["status"] for line in requests(lines)] == [404]

    def test_never_holds_a_history_or_a_user(self, client, model):
        body = {"user": {"user_id": "raw-user-id"}, "history": [{"item_id": "secret-item"}]}
        with capture_logs() as lines:
            client.post("/v1/recommendations", json=body)
            client.post("/v1/recommendations", json={**body, "k": 0})
            model.recommend = None
            client.post("/v1/recommendations", json=body)
        assert [line["status"] for line in requests(lines)] == [200, 422, 500]
        assert "raw-user-id" not in str(lines)
        assert "secret-item" not in str(lines)

    def test_unexpected_error_is_logged_with_its_stack(self, client, model):
        model.recommend = None
        with capture_logs() as lines:
            answer = client.post("/v1/recommendations", json={"history": []})
        (line,) = [line for line in lines if line["log_level"] == "error"]
        assert line["exc_info"]
        assert line["request_id"] == answer.json()["request_id"]
