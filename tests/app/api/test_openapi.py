import pytest

from app.api.problem import Problem
from app.main import contract_without_bundle


def request_examples(contract, path="/v1/recommendations"):
    body = contract["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return {name: example["value"] for name, example in body["examples"].items()}


LISTS = ("/v1/recommendations", "/v1/search")


class TestContract:
    @pytest.mark.parametrize("path", LISTS)
    def test_examples_work_as_they_are_and_name_real_items(self, client, path):
        examples = request_examples(client.get("/openapi.json").json(), path)
        assert len(examples) >= 3
        for name, body in examples.items():
            answer = client.post(path, json=body)
            assert answer.status_code == 200, answer.text
            assert bool(answer.json()["items"]) == (name != "validated")
            assert answer.json()["warnings"] == []

    def test_examples_of_a_batch_are_answered_one_by_one(self, client):
        for body in request_examples(client.get("/openapi.json").json(), "/v1/recommendations:batch").values():
            results = client.post("/v1/recommendations:batch", json=body).json()["results"]
            assert [("error" in result) for result in results] == [body_["k"] > 100 for body_ in body["requests"]]

    @pytest.mark.parametrize("path", LISTS)
    def test_examples_without_a_bundle_still_answer(self, client, path):
        for body in request_examples(contract_without_bundle(), path).values():
            assert client.post(path, json=body).status_code == 200

    def test_every_example_field_is_shown_in_one(self, client):
        contract = client.get("/openapi.json").json()
        shown = request_examples(contract)["every_field"]
        assert set(shown) == set(contract["components"]["schemas"]["RecommendationBody"]["properties"])

    def test_examples_ask_for_columns_that_the_catalogue_has(self, client):
        body = request_examples(client.get("/openapi.json").json())["history"]
        (first, *_) = client.post("/v1/recommendations", json=body).json()["items"]
        assert first["properties"] == {"title": "title 3", "price": 3.5}

    @pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/model", "/health/ready", "/health/startup"])
    def test_each_refusal_has_an_example_of_its_own_status(self, client, path):
        (operation,) = client.get("/openapi.json").json()["paths"][path].values()
        refusals = {int(status): response for status, response in operation["responses"].items() if int(status) >= 400}
        assert refusals
        for status, response in refusals.items():
            example = Problem.model_validate(response["content"]["application/problem+json"]["example"])
            assert (example.status, example.instance) == (status, path)

    def test_the_example_of_invalid_fields_is_what_comes_back(self, client):
        operation = client.get("/openapi.json").json()["paths"]["/v1/recommendations"]["post"]
        example = operation["responses"]["422"]["content"]["application/problem+json"]["example"]
        headers = {"X-Request-Id": example["request_id"]}
        assert client.post("/v1/recommendations", json={"history": [], "k": 101}, headers=headers).json() == example

    def test_links_of_lists_and_of_what_is_imagined_lead_to_operations(self, client):
        operations = [
            operation for path in client.get("/openapi.json").json()["paths"].values() for operation in path.values()
        ]
        ids = {operation["operationId"] for operation in operations}
        links = [
            operation["responses"].get(status, {}).get("links") for operation in operations for status in ("200", "202")
        ]
        # four lists; concepts; sessions now, by a job, and when it is done
        assert sum(bool(each) for each in links) == 4 + 1 + 3
        assert {link["operationId"] for each in links if each for link in each.values()} <= ids

    def test_every_reference_leads_somewhere(self, client):
        contract = client.get("/openapi.json").json()

        def check(part):
            if isinstance(part, dict):
                if "$ref" in part:
                    place = contract
                    for step in part["$ref"].removeprefix("#/").split("/"):
                        place = place[step]
                for inner in part.values():
                    check(inner)
            elif isinstance(part, list):
                for inner in part:
                    check(inner)

        check(contract)

    @pytest.mark.parametrize("path", ["/v1/recommendations", "/v1/model", "/health/ready"])
    def test_refusals_are_problem_documents(self, client, path):
        (operation,) = client.get("/openapi.json").json()["paths"][path].values()
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"]


class TestPages:
    def test_docs_is_a_page(self, client):
        assert "openapi.json" in client.get("/docs").text

    def test_root_leads_to_it(self, client):
        assert client.get("/", follow_redirects=False).headers["location"] == "docs"
