"""An event as a shop sends it, and as it is told back."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator, model_validator

from app.api.event_names import EventName
from app.api.parts import AnswerPart, Id, RequestPart, Timestamp
from app.store.event_rows import Event
from models.domain.events import EventType


def _as_sent(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """2 stays 2 and 2.0 stays 2.0: events are told back as they were sent."""
    check(value)
    return value


MAX_QUANTITY = 1_000_000
MAX_PRICE = 1_000_000_000
MAX_RATING = 100
Quantity = Annotated[float, Field(gt=0, le=MAX_QUANTITY), WrapValidator(_as_sent)]
Price = Annotated[float, Field(ge=0, le=MAX_PRICE), WrapValidator(_as_sent)]
Rating = Annotated[float, Field(ge=0, le=MAX_RATING), WrapValidator(_as_sent)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class ShopEvent(RequestPart):
    """Something that a shopper did. `user_id` or `session_id` is required."""

    event_id: Id | None = None
    """The shop's own. An event that is sent again under it counts once. Ids that come with publishable keys are apart,
    and each visitor's own: none makes an event of the shop's servers, or of another visitor, a repetition."""
    user_id: Id | None = None
    """The account."""
    session_id: Id | None = None
    """The visit; of a guest, or beside the account."""
    item_id: Id
    """One that the catalogue does not have, or not yet, is kept too."""
    event_type: EventName
    """Google Retail's and GA4's names stand for ours: `detail-page-view` and `view_item` for `view`, for example."""
    timestamp: Timestamp
    """ISO 8601 with zone."""
    recommendation_id: Id | None = None
    """Of the list that led to it."""
    quantity: Quantity | None = None
    unit_price: Price | None = None
    currency: Currency | None = None
    """Of `unit_price`: three capital letters, after ISO 4217."""
    rating: Rating | None = None
    """On the shop's own scale."""

    @model_validator(mode="after")
    def _names_a_shopper(self) -> "ShopEvent":
        if self.user_id is None and self.session_id is None:
            raise ValueError("needs user_id or session_id")
        return self

    def to_event(self, *, has_public_id: bool) -> Event:
        """For the store. `has_public_id`: it came with a publishable key."""
        return Event(**vars(self), has_public_id=has_public_id)


class StoredEvent(AnswerPart):
    """An event as it was sent, without what was not. A guest's has the account's `user_id` once the two are joined."""

    event_id: str | None = None
    user_id: str | None = None
    session_id: str | None = None
    item_id: str
    event_type: EventType
    """The dataset format's name."""
    timestamp: datetime
    """In UTC."""
    recommendation_id: str | None = None
    quantity: int | float | None = None
    unit_price: int | float | None = None
    currency: str | None = None
    rating: int | float | None = None

    @classmethod
    def of(cls, event: Event) -> Self:
        """What of its fields there is."""
        found = ((name, getattr(event, name)) for name in cls.model_fields)
        return cls(**{name: value for name, value in found if value is not None})
