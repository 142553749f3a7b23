"""Filters, boosts and limits in a body: read by the rules of `models.domain`, refused with the path to the part."""

from collections.abc import Callable
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, PlainValidator, TypeAdapter
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError
from typing_extensions import TypeAliasType

from app.api.parts import RequestPart
from models.domain.errors import RuleRefused
from models.domain.filter import MAX_CLAUSES, MAX_INTEGER, MAX_VALUE_CHARACTERS, MAX_VALUES, Op, Path, parse_filter
from models.domain.rules import (
    MAX_BOOSTS,
    MAX_LIMITED_FIELDS,
    MAX_PER_VALUE,
    MAX_WEIGHT,
    MIN_WEIGHT,
    parse_boosts,
    parse_max_per,
)

RULE_REFUSED: Final = "rule_refused"
"""The kind of the errors made here. Their context has `path`, which goes on from the field, and `reason`."""

_Text = Annotated[str, Field(max_length=MAX_VALUE_CHARACTERS)]
_Number = Annotated[float, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
_Scalar = _Text | bool | _Number
_FieldName = Annotated[str, Field(min_length=1, max_length=MAX_VALUE_CHARACTERS)]


class Comparison(RequestPart):
    """One attribute of the catalogue against a value."""

    field: _FieldName
    op: Op
    value: _Scalar | Annotated[list[_Scalar], Field(min_length=1, max_length=MAX_VALUES)]
    """An array for `in` and `nin`, true or false for `exists`, otherwise what the field's values are."""


class Boost(Comparison):
    """The score of every item that fits the comparison is multiplied by the weight."""

    weight: float = Field(ge=MIN_WEIGHT, le=MAX_WEIGHT)


class AllOf(RequestPart):
    """Every one of them holds."""

    all: list["Filter"] = Field(min_length=1, max_length=MAX_CLAUSES)


class AnyOf(RequestPart):
    """At least one of them holds."""

    any: list["Filter"] = Field(min_length=1, max_length=MAX_CLAUSES)


class Not(RequestPart):
    """It does not hold."""

    model_config = ConfigDict(serialize_by_alias=True)

    not_: "Filter" = Field(alias="not")


Filter = TypeAliasType("Filter", Comparison | AllOf | AnyOf | Not)


class _ShownAs:
    """The contract shows this shape; what is refused, and how it is told, is up to the rules themselves."""

    def __init__(self, shape: Any) -> None:
        self._shape = TypeAdapter(shape)

    def __get_pydantic_json_schema__(self, _: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return handler(self._shape.core_schema)


def _kept_if(parse: Callable[[object, Path], object]) -> PlainValidator:
    """The JSON value as it came, if the rules can read it."""

    def check(value: Any) -> Any:
        try:
            parse(value, ())
        except RuleRefused as refusal:
            raise PydanticCustomError(
                RULE_REFUSED, "{reason}", {"path": refusal.path, "reason": refusal.reason}
            ) from None
        return value

    return PlainValidator(check)


FilterDocument = Annotated[dict[str, Any], _kept_if(parse_filter), _ShownAs(Filter)]
"""What `parse_filter` reads."""
BoostDocuments = Annotated[
    list[dict[str, Any]], _kept_if(parse_boosts), _ShownAs(Annotated[list[Boost], Field(max_length=MAX_BOOSTS)])
]
"""What `parse_boosts` reads."""
MaxPerDocument = Annotated[
    dict[str, int],
    _kept_if(parse_max_per),
    _ShownAs(
        Annotated[dict[_FieldName, Annotated[int, Field(ge=1, le=MAX_PER_VALUE)]], Field(max_length=MAX_LIMITED_FIELDS)]
    ),
]
"""What `parse_max_per` reads."""
