import pytest
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from app.api.errors import answer_error
from app.api.problem import RequestError
from app.api.query import PageQuery, query_of, query_parameters
from app.api.request_context import RequestContext
from app.observability.metrics import Metrics


@pytest.fixture(scope="module")
def client():
    app = FastAPI()

    @app.get("/page")
    async def page(query=Depends(query_of(PageQuery))):  # noqa: B008  as the framework has it
        return query

    app.add_exception_handler(RequestError, answer_error)
    app.add_middleware(RequestContext, metrics=Metrics(), tracing=None)
    with TestClient(app, base_url="http://localhost") as client:
        yield client


class TestQueryOf:
    @pytest.mark.parametrize(
        ("sent", "limit", "cursor"),
        [("", 100, None), ("limit=1", 1, None), ("limit=1000&cursor=1", 1000, "1"), ("limit=007", 7, None)],
    )
    def test_reads_what_is_given(self, client, sent, limit, cursor):
        assert client.get(f"/page?{sent}").json() == {"limit": limit, "cursor": cursor}

    @pytest.mark.parametrize(
        ("sent", "name", "detail"),
        [
            ("limit=0", "limit", "0 is less than the least allowed, 1"),
            ("limit=1001", "limit", "1001 is more than the most allowed, 1000"),
            ("limit=-5", "limit", "-5 is less than the least allowed, 1"),
            ("limit=", "limit", 'must be an integer, got ""'),
            ("limit=ten", "limit", 'must be an integer, got "ten"'),
            ("limit=1.0", "limit", 'must be an integer, got "1.0"'),
            ("limit=%201", "limit", 'must be an integer, got " 1"'),
            ("limit=1_0", "limit", "must be an integer"),
            ("limit=٣", "limit", "must be an integer"),
            ("limit=" + "9" * 5000, "limit", "must be an integer"),
            ("limit=1&limit=2", "limit", "is given twice"),
            ("cursor=", "cursor", "has 0 characters, the least is 1"),
            ("offset=3", "offset", "is not a known field"),
            ("Limit=3", "Limit", "is not a known field"),
        ],
    )
    def test_refuses_the_rest_by_name(self, client, sent, name, detail):
        answer = client.get(f"/page?{sent}")
        assert answer.status_code == 422
        (problem,) = answer.json()["errors"]
        assert problem["pointer"] == f"query:{name}"
        assert detail in problem["detail"]
        assert answer.json()["detail"] == f"{name} {problem['detail']}"
        assert len(answer.content) < 1000


class TestQueryParameters:
    def test_tell_types_limits_and_defaults(self):
        limit, cursor = query_parameters(PageQuery)
        assert (limit["name"], limit["in"], limit["required"]) == ("limit", "query", False)
        assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
        assert cursor["schema"] == {"type": "string", "minLength": 1, "maxLength": 1000}
        assert "next_cursor" in cursor["description"]
