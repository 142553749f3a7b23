"""What goes into requests. Leave out what the service should decide; what the fields mean is in its contract."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, NotRequired, Required, TypeAlias, TypedDict

EventType: TypeAlias = Literal["view", "click", "add_to_cart", "purchase", "impression", "dislike"]
EventAlias: TypeAlias = Literal[
    "detail-page-view", "add-to-cart", "purchase-complete", "view_item", "select_item", "view_item_list"
]
"""Names of Google Retail and GA4 that the service understands."""
Time: TypeAlias = datetime | str
"""A datetime with a zone, or RFC 3339."""

Operator: TypeAlias = Literal["eq", "ne", "in", "nin", "lt", "lte", "gt", "gte", "exists", "contains"]
Plain: TypeAlias = str | bool | float
AttributeValue: TypeAlias = str | float | bool | Sequence[str] | None
"""What an item's attribute holds; None takes it away."""


class Shopper(TypedDict, total=False):
    """For whom a list is made."""

    user_id: str | None
    session_id: str | None
    personalise: bool | None


class HistoryEvent(TypedDict):
    """One event of a posted history."""

    item_id: str
    event_type: NotRequired[EventType | EventAlias | None]
    timestamp: NotRequired[Time | None]


class FraudSession(TypedDict):
    """What one shopper did; at least three events."""

    user_id: NotRequired[str | None]
    history: Sequence[HistoryEvent]


class Exclusions(TypedDict, total=False):
    """What a list leaves out."""

    item_ids: Sequence[str] | None
    seen: bool | None


class Comparison(TypedDict):
    """An attribute beside a value."""

    field: str
    op: Operator
    value: Plain | Sequence[Plain]


class AllOf(TypedDict):
    """Holds where all of them do."""

    all: Sequence["Filter"]


class AnyOf(TypedDict):
    """Holds where one of them does."""

    any: Sequence["Filter"]


Not = TypedDict("Not", {"not": "Filter"})
"""Holds where that one does not."""

Filter: TypeAlias = Comparison | AllOf | AnyOf | Not


class Boost(Comparison):
    """Multiplies the scores of items for which the comparison holds."""

    weight: float


class Page(TypedDict, total=False):
    """A part of one frozen list."""

    size: int | None
    cursor: str | None


class Experiment(TypedDict):
    """The experiment that a list belongs to."""

    experiment_id: str
    variant_id: NotRequired[str | None]


class Candidate(TypedDict):
    """An item that the shop's own search found."""

    item_id: str
    score: float


class ListRules(TypedDict, total=False):
    """What every list may be asked with."""

    user: Shopper | None
    history: Sequence[HistoryEvent] | None
    k: int | None
    page: Page | None
    filter: Filter | None
    exclude: Exclusions | None
    include_out_of_stock: bool | None
    boosts: Sequence[Boost] | None
    max_per: Mapping[str, int] | None
    diversity: float | None
    exploration: float | None
    num_samples: int | None
    seed: int | None
    explain: Literal["none", "reasons", "full"] | None
    return_properties: Sequence[str] | None
    search_profile: Literal["fast", "balanced", "exact"] | None
    experiment: Experiment | None
    validate_only: bool | None


class ListQuestion(ListRules, total=False):
    """Keywords of `recommend`, and what each entry of `recommend_batch` holds."""

    query: str | None


class SearchQuestion(ListRules, total=False):
    """Keywords of `search`."""

    query: Required[str]
    candidates: Sequence[Candidate] | None


class Event(TypedDict):
    """Something that a shopper did; `user_id` or `session_id` is needed."""

    event_id: NotRequired[str | None]
    """Makes it safe to send the event again."""
    user_id: NotRequired[str | None]
    session_id: NotRequired[str | None]
    item_id: str
    event_type: EventType | EventAlias
    timestamp: Time
    recommendation_id: NotRequired[str | None]
    quantity: NotRequired[float | None]
    unit_price: NotRequired[float | None]
    currency: NotRequired[str | None]
    rating: NotRequired[float | None]


Item: TypeAlias = Mapping[str, AttributeValue]
"""`title`, `description`, `category`, `brand`, `image`, `group_id`, `price`, `in_stock`, `created_at` and attributes of
the shop's own; in `import_items` also `item_id`."""
