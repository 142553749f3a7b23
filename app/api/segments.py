"""Whose behaviour something is to be imagined from."""

from typing import Annotated, Any, Final

from pydantic import Field, model_validator

from app.api.list_request import PostedEvent
from app.api.parts import AnswerPart, RequestPart
from app.api.rules import FilterDocument
from models.domain.recommendation import MAX_HISTORY_EVENTS

MAX_HISTORIES: Final = 1_000


class SegmentBody(RequestPart):
    """Either `filter` or `histories`."""

    filter: FilterDocument | None = None
    """Of items: who took one that it is true of."""
    histories: list[Annotated[list[PostedEvent], Field(min_length=1, max_length=MAX_HISTORY_EVENTS)]] | None = Field(
        default=None, min_length=1, max_length=MAX_HISTORIES
    )
    """What shoppers did, each as in `POST /v1/recommendations`."""

    @model_validator(mode="after")
    def _is_one_of_two(self) -> "SegmentBody":
        if (self.filter is None) == (self.histories is None):
            raise ValueError("needs either filter or histories")
        return self

    def document(self) -> dict[str, Any]:
        """As jobs keep it."""
        if self.histories is None:
            return {"filter": self.filter}
        return {
            "histories": [
                [(each.item_id, each.event_type, each.timestamp and each.timestamp.timestamp()) for each in history]
                for history in self.histories
            ]
        }


class ProvenancePart(AnswerPart):
    """Where something that does not exist comes from."""

    synthetic: bool
    """Always true."""
    model_version: str
    index_version: str
    seed: int
    """The same model and seed make the same again."""
