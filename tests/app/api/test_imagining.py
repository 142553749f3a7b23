"""What a model that cannot imagine answers; what one can is in tests/service."""

import pytest

from tests.app.api.test_errors import check_problem

HISTORIES = {"histories": [[{"item_id": "item-1"}]]}
ASKED = [
    ("/v1/concepts", {"segment": HISTORIES}),
    ("/v1/synthetic-sessions", {"num_sessions": 1}),
    ("/v1/synthetic-items", {"num_items": 5_000}),
]


class TestModelThatLacksIt:
    @pytest.mark.parametrize(("path", "body"), ASKED)
    def test_is_named_and_nothing_is_made_up(self, client, path, body):
        assert "has no generator to imagine with" in check_problem(client.post(path, json=body), 409)["detail"]


@pytest.mark.parametrize("path", [*(path for path, _ in ASKED), "/v1/fraud/sessions", "/v1/fraud/items"])
def test_without_a_free_permit_no_body_is_read(client, path, monkeypatch):
    monkeypatch.setattr("app.runtime.workers.Workers.is_full", True)
    answer = client.post(path, content=b"{", headers={"content-type": "application/json"})
    assert check_problem(answer, 503)["type"] == "urn:figment:problem:overloaded"


class TestRefusals:
    @pytest.mark.parametrize(
        ("path", "body", "pointer"),
        [
            ("/v1/concepts", {"segment": {}}, "/segment"),
            (
                "/v1/concepts",
                {"segment": {**HISTORIES, "filter": {"field": "price", "op": "lt", "value": 1}}},
                "/segment",
            ),
            ("/v1/concepts", {"segment": {"histories": [[]]}}, "/segment/histories/0"),
            ("/v1/concepts", {"n": 51}, "/n"),
            ("/v1/concepts", {"novelty": -0.1}, "/novelty"),
            ("/v1/synthetic-sessions", {"num_sessions": 20_001}, "/num_sessions"),
            ("/v1/synthetic-items", {}, "/num_items"),
        ],
    )
    def test_say_where(self, client, path, body, pointer):
        assert [one["pointer"] for one in check_problem(client.post(path, json=body), 422)["errors"]] == [pointer]

    @pytest.mark.parametrize("kind", ["sessions", "items"])
    def test_an_unknown_job_has_no_result(self, client, kind):
        check_problem(client.get(f"/v1/synthetic-{kind}/nobody"), 404)
