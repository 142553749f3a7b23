"""What all bodies and answers are made of."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError, PydanticUseDefault

from models.domain.ids import is_usable_id
from models.domain.recommendation import MAX_ID_CHARACTERS


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

    @field_validator("*", mode="before")
    @classmethod
    def _default_for_null(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name and not cls.model_fields[info.field_name].is_required():
            raise PydanticUseDefault
        return value


class AnswerPart(BaseModel):
    """Part of an answer."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)
