"""What all bodies and answers are made of."""

from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    ValidationInfo,
    field_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, PydanticUseDefault

from models.domain.ids import is_usable_id
from models.domain.recommendation import MAX_ID_CHARACTERS

NULL: Final[JsonSchemaValue] = {"type": "null"}
TOLD_OF_THE_FIELD: Final = ("default", "description", "title")
"""Parts of a schema that are about the field, not about its value."""


def usable(text: str) -> str:
    """The id itself. Raises ValueError with what is wrong with it; its length was looked at before."""
    if not is_usable_id(text):
        raise ValueError("holds only spaces" if text.isspace() else "holds a character that is not printable")
    return text


def _written_out(value: object) -> object:
    if not isinstance(value, str) or value.strip("+-.0123456789") == "":
        raise PydanticCustomError("datetime_type", "not written out")  # a number in a string would pass as epoch time
    return value


Timestamp = Annotated[AwareDatetime, Field(strict=False), BeforeValidator(_written_out)]
Id = Annotated[str, Field(min_length=1, max_length=MAX_ID_CHARACTERS), AfterValidator(usable)]


class RequestPart(BaseModel):
    """Unknown fields are refused and no value is coerced; null where there is a default means the default."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, use_attribute_docstrings=True
    )

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Nothing changes a part, so a default need not be copied for every request."""
        return self

    @field_validator("*", mode="before")
    @classmethod
    def _default_for_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name and not cls.model_fields[info.field_name].is_required():
            raise PydanticUseDefault
        return value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """The contract says of each field with a default that it may be null."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, field in cls.model_fields.items():
            if name in properties and not field.is_required():
                properties[name] = _or_null(properties[name])
        return schema


def _or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    if NULL in schema.get("anyOf", ()):
        return schema
    told = {key: value for key, value in schema.items() if key in TOLD_OF_THE_FIELD}
    value = {key: value for key, value in schema.items() if key not in TOLD_OF_THE_FIELD}
    return {**told, "anyOf": [*value["anyOf"], NULL] if "anyOf" in value else [value, NULL]}


class OrAnything:
    """The contract shows what an entry is, and allows anything: a bad entry is told by itself, not as a 422."""

    def __init__(self, told: str) -> None:
        self._told = told

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [handler(schema), {"description": self._told}]}


class AnswerPart(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)
