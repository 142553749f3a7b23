import pytest

from models.fraud.sessions import MIN_EVENTS
from tests.app.api.test_errors import check_problem

HISTORY = [{"item_id": f"item-{number}"} for number in range(MIN_EVENTS)]
BODIES = {"sessions": {"sessions": [{"history": HISTORY}]}, "items": {"items": [{"title": "t"}]}}


@pytest.mark.parametrize("path", BODIES)
class TestModelWithoutDetector:
    def test_is_told_before_anything_else(self, client, path):
        problem = check_problem(client.post(f"/v1/fraud/{path}", json=BODIES[path]), 409)
        assert "no fraud detector" in problem["detail"]
        assert "figment fraud fit" in problem["detail"]

    def test_is_the_example_of_the_contract(self, client, path):
        responses = client.get("/openapi.json").json()["paths"][f"/v1/fraud/{path}"]["post"]["responses"]
        example = responses["409"]["content"]["application/problem+json"]["example"]
        told = client.post(f"/v1/fraud/{path}", json=BODIES[path]).json()
        assert (example["title"], example["type"]) == (told["title"], told["type"])


class TestBody:
    @pytest.mark.parametrize(
        ("session", "pointer", "words"),
        [
            ({"history": HISTORY[:-1]}, "/sessions/0/history", "has 2 entries, the least is 3"),
            ([], "/sessions/0", "must be an object, got an array"),
            ({"history": HISTORY * 200}, "/sessions/0/history", "limit is 500"),
            ({"history": None}, "/sessions/0/history", "array"),
            ({"history": HISTORY, "session_id": "s"}, "/sessions/0/session_id", "known field"),
        ],
    )
    def test_refuses(self, client, session, pointer, words):
        (error,) = check_problem(client.post("/v1/fraud/sessions", json={"sessions": [session]}), 422)["errors"]
        assert error["pointer"] == pointer
        assert words in error["detail"]

    def test_refuses_too_many_events_in_all(self, client):
        body = {"sessions": [{"history": HISTORY * 100}] * 34}
        (error,) = check_problem(client.post("/v1/fraud/sessions", json=body), 422)["errors"]
        assert "10200 events" in error["detail"]
        assert "10000" in error["detail"]
