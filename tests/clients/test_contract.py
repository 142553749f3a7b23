"""The client does all that docs/openapi.json offers, and its types are those of the contract."""

import inspect

import pytest

from figment_client import AsyncFigment, Figment
from figment_client.answers import MergeAnswer
from tests.clients.contract import (
    Comparison,
    answer_of,
    answer_schema,
    fields_of,
    keywords_of,
    operations_of_client,
    operations_of_contract,
)

OF_CONTRACT = operations_of_contract()
OF_CLIENT = operations_of_client()


def public_methods(client):
    return {name: inspect.signature(one) for name, one in inspect.getmembers(client, callable) if name[0] != "_"}


class TestOperations:
    def test_are_those_of_the_contract(self):
        assert set(OF_CLIENT) == set(OF_CONTRACT)

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
        keywords, fields = keywords_of(OF_CLIENT[operation]), fields_of(OF_CONTRACT[operation])
        assert set(keywords) == set(fields)
        comparison = Comparison(answers=False)
        assert [fault for name in fields for fault in comparison.faults(fields[name], keywords[name], name)] == []

    def test_every_field_of_the_answer_is_in_its_type(self, operation):
        schema, answer = answer_schema(OF_CONTRACT[operation]), answer_of(OF_CLIENT[operation])
        if schema is None:
            assert answer in (str, type(None))
        else:
            assert list(Comparison(answers=True).faults(schema, answer, "answer")) == []


class TestComparison:
    """That it finds what it is for."""

    @pytest.mark.parametrize(
        ("field", "schema"),
        [
            ("moved", {"type": "string"}),
            ("moved", {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            ("moved", {"type": "array", "items": {"type": "integer"}}),
            ("added", {"type": "integer"}),
        ],
    )
    def test_of_what_the_contract_changed(self, field, schema):
        changed = {"properties": {"moved": {"type": "integer"}, field: schema}, "required": ["moved"]}
        (fault,) = Comparison(answers=True).faults(changed, MergeAnswer, "answer")
        assert fault.startswith(f"answer.{field}")

    @pytest.mark.parametrize("changed", [{"properties": {}}, {"properties": {"moved": {"type": "integer"}}}])
    def test_of_what_the_contract_took_away(self, changed):
        assert len(list(Comparison(answers=True).faults(changed, MergeAnswer, "answer"))) == 1
