"""The client does all that docs/openapi.json offers, and its types are those of the contract."""

import inspect

import pytest

from figment_client import AsyncFigment, Figment
from tests.clients.contract import (
    KEYWORDS_OF_HEADERS,
    Comparison,
    answer_of,
    answer_schema,
    body_schema,
    keywords_of,
    operations_of_client,
    operations_of_contract,
    resolved,
)

OF_CONTRACT = operations_of_contract()
OF_CLIENT = operations_of_client()


def public_methods(client):
    return {name: inspect.signature(one) for name, one in inspect.getmembers(client, callable) if name[0] != "_"}


class TestOperations:
    def test_every_one_can_be_filled_in(self):
        assert set(OF_CONTRACT) - set(OF_CLIENT) == set()

    def test_each_is_a_method_of_both_clients(self):
        for operation in OF_CLIENT.values():
            for client in (Figment, AsyncFigment):
                assert getattr(client, operation.__name__).__doc__ == operation.__doc__

    def test_both_clients_have_the_same_methods_that_take_the_same(self):
        synchronous, asynchronous = public_methods(Figment), public_methods(AsyncFigment)
        assert list(synchronous) == list(asynchronous)
        for name in set(synchronous) - {"walk"}:
            assert synchronous[name] == asynchronous[name], name


@pytest.mark.parametrize("operation", OF_CONTRACT, ids=" ".join)
class TestTypes:
    def test_every_field_of_the_request_is_a_keyword_and_takes_what_the_contract_takes(self, operation):
        keywords, told = keywords_of(OF_CLIENT[operation]), OF_CONTRACT[operation]
        comparison, faults = Comparison(answers=False), []
        for parameter in told.get("parameters", ()):
            name = KEYWORDS_OF_HEADERS.get(parameter["name"], parameter["name"])
            if name not in keywords:
                faults.append(f"{name} is no keyword")
            elif "schema" in parameter:
                faults += comparison.faults(parameter["schema"], keywords[name], name)
            else:
                (content,) = parameter["content"].values()
                faults += comparison.faults(content["schema"], keywords[name], name)
        body = body_schema(told) or {}
        if isinstance(body.get("additionalProperties"), dict):  # attributes of the shop's own
            faults += comparison.faults(body["additionalProperties"], keywords["item"].__args__[1], "item")
        else:
            for name, field in body.get("properties", {}).items():
                faults += comparison.faults(field, keywords[name], name) if name in keywords else [f"no {name}"]
        assert faults == []

    def test_every_field_of_the_answer_is_in_its_type(self, operation):
        schema, answer = answer_schema(OF_CONTRACT[operation]), answer_of(OF_CLIENT[operation])
        if schema is None:
            assert answer in (str, type(None))
        else:
            assert list(Comparison(answers=True).faults(resolved(schema), answer, "answer")) == []
