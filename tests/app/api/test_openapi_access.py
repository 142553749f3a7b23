import pytest

from tests.app.conftest import bearer


@pytest.fixture
def contract(client, make_key):
    """As it is once there is a key."""
    key, _ = make_key("recommend")
    return client.get("/openapi.json", headers=bearer(key)).json()


class TestContract:
    def test_names_both_ways_to_send_a_key_and_the_scope(self, contract):
        schemes = contract["components"]["securitySchemes"]
        assert (schemes["bearer"]["scheme"], schemes["header"]["name"]) == ("bearer", "X-API-Key")
        for path, scopes in (("/v1/recommendations", ["recommend"]), ("/v1/model", [])):
            (operation,) = contract["paths"][path].values()
            assert operation["security"] == [{"bearer": scopes}, {"header": scopes}]

    def test_asks_probes_for_none(self, contract):
        for path, operations in contract["paths"].items():
            for operation in operations.values():
                assert ("security" in operation) != path.startswith("/health/")
                assert ("401" in operation["responses"]) != path.startswith("/health/")

    def test_says_that_a_key_is_optional_where_there_is_none(self, client):
        (operation,) = client.get("/openapi.json").json()["paths"]["/v1/model"].values()
        assert operation["security"] == [{}, {"bearer": []}, {"header": []}]

    @pytest.mark.parametrize(
        ("status", "headers"),
        [
            ("200", {"RateLimit", "RateLimit-Policy"}),
            ("401", {"WWW-Authenticate"}),
            ("403", {"WWW-Authenticate", "RateLimit", "RateLimit-Policy"}),
            ("429", {"Retry-After", "RateLimit", "RateLimit-Policy"}),
        ],
    )
    def test_tells_the_headers_of_answers(self, contract, status, headers):
        answer = contract["paths"]["/v1/recommendations"]["post"]["responses"][status]
        assert set(answer["headers"]) == headers
