"""Nothing beside the body is ignored: of every operation of the contract."""

import pytest

from app.api.dependencies import TIMEOUT_HEADER
from app.main import contract_without_bundle
from tests.app.api.shoppers import event, store
from tests.app.api.test_errors import check_problem

OPERATIONS = [
    (method, path, operation)
    for path, operations in contract_without_bundle()["paths"].items()
    for method, operation in operations.items()
]
REFUSING = [one for one in OPERATIONS if not one[1].startswith("/health/")]
NAMES_IN_PATHS = ("item_id", "user_id", "session_id", "job_id", "version", "recommendation_id")


def refusals(client, operations, **options):
    """What each of them is answered: its problem, which is a 422."""
    told = {}
    for method, path, _ in operations:
        body = {"json": {}} if method in ("post", "put", "patch") else {}
        answer = client.request(method, path.format(**dict.fromkeys(NAMES_IN_PATHS, "x")), **body, **options)
        assert answer.status_code == 422, (method, path, answer.text)
        told[method, path] = check_problem(answer, 422)
    return told


def keeps_a_limit(operation):
    return any(one["name"] == TIMEOUT_HEADER for one in operation.get("parameters", ()))


class TestParameters:
    def test_that_no_route_declares_are_refused_by_name(self, client):
        for asked, told in refusals(client, REFUSING, params={"dry_run": "true"}).items():
            (problem,) = told["errors"]
            assert problem["pointer"] == "query:dry_run", asked
            assert problem["detail"].startswith("is not a known parameter; known: "), asked

    def test_that_are_known_are_named(self, client):
        for path, known in (("/v1/users/u1/recommendations", "k"), ("/v1/users/u1/events", "cursor, limit")):
            told = check_problem(client.get(path, params={"return_properties": "title"}), 422)
            assert told["detail"] == f"return_properties is not a known parameter; known: {known}"
        told = check_problem(client.get("/v1/model?k=1"), 422)
        assert told["detail"] == "k is not a known parameter; known: none"

    def test_change_nothing(self, client):
        store(client, event("item-5", user_id="u1"))
        for params in ({"dry_run": "true"}, {"": ""}, {"k": "3"}):
            check_problem(client.delete("/v1/users/u1", params=params), 422)
        assert len(client.get("/v1/users/u1/events").json()["events"]) == 1

    def test_are_counted_where_there_are_many(self, client):
        told = check_problem(client.get("/v1/model", params={f"p{number}": "" for number in range(30)}), 422)
        assert (len(told["errors"]), told["detail"].endswith("; and 10 more")) == (20, True)

    def test_of_probes_and_pages_are_theirs(self, client):
        for path in ("/health/live", "/health/ready", "/health/startup", "/docs", "/openapi.json"):
            assert client.get(path, params={"from": "a balancer"}, headers={TIMEOUT_HEADER: "no"}).status_code == 200


class TestTimeLimits:
    @pytest.mark.parametrize("sent", ["banana", "0", "600001"])
    def test_that_are_none_are_refused_everywhere(self, client, sent):
        for asked, told in refusals(client, REFUSING, headers={TIMEOUT_HEADER: sent}).items():
            assert told["errors"][0]["pointer"] == f"header:{TIMEOUT_HEADER}", asked
            assert "must be a whole number from 1 to 600000" in told["detail"], asked

    def test_are_refused_where_none_is_kept(self, client):
        without = [one for one in REFUSING if not keeps_a_limit(one[2])]
        assert {("post", "/v1/events"), ("post", "/v1/items:batch")} <= {one[:2] for one in without}
        for asked, told in refusals(client, without, headers={TIMEOUT_HEADER: "5000"}).items():
            assert "takes no time limit" in told["detail"], asked

    def test_that_are_sent_twice_are_none(self, client):
        headers = [(TIMEOUT_HEADER, "5000"), (TIMEOUT_HEADER, "banana")]
        told = check_problem(client.post("/v1/recommendations", json={"history": []}, headers=headers), 422)
        assert '"5000, banana"' in told["detail"]


class TestContract:
    def test_tells_what_may_befall_any_request(self):
        for method, path, operation in OPERATIONS:
            expected = {"431", "500"} if path.startswith("/health/") else {"422", "431", "500"}
            assert expected <= set(operation["responses"]), (method, path)
