"""What a question for a list may say. Where a list is asked for in another way, its body is one of these too."""

from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from app.api.event_names import EventName
from app.api.parts import Id, RequestPart, Timestamp
from app.api.rules import BoostDocuments, FilterDocument, MaxPerDocument
from models.domain.recommendation import (
    MAX_EXCLUDED_ITEMS,
    MAX_HANDED_IN,
    MAX_HANDED_IN_SCORE,
    MAX_HISTORY_EVENTS,
    MAX_K,
    MAX_QUERY_CHARACTERS,
    MAX_SAMPLES,
    SearchProfile,
)

DEFAULT_K: Final = 10
MAX_SEED: Final = 2**63 - 1
MAX_PROPERTIES: Final = 100
MAX_CURSOR_CHARACTERS: Final = 1000

Explain = Literal["none", "reasons", "full"]
Query = Annotated[str, Field(min_length=1, max_length=MAX_QUERY_CHARACTERS)]


class Shopper(RequestPart):
    """Who asks."""

    user_id: Id | None = None
    """The shop's own id of a known shopper."""
    session_id: Id | None = None
    """The shop's own id of a visit, for guests."""
    personalise: bool = True
    """False: nothing of this shopper is read or stored, the history neither; popular items come back."""


class PostedEvent(RequestPart):
    """Something that the shopper did."""

    item_id: Id
    event_type: EventName = "purchase"
    """Also by Google Retail's and GA4's names, as in `POST /v1/events`. A disliked item is never listed, and what is
    near it goes down. Impressions are accepted and change nothing."""
    timestamp: Timestamp | None = None
    """ISO 8601 with zone. Events are read by time; as posted, oldest first, where any has none."""


class Exclusions(RequestPart):
    """What must not be in the list."""

    item_ids: list[Id] = Field(default=[], max_length=MAX_EXCLUDED_ITEMS)
    seen: bool | None = None
    """Items of the history. Unset: the model decides by the share of repeat purchases that it was trained on."""


class PageAsked(RequestPart):
    """Which part of a frozen list."""

    size: int = Field(default=DEFAULT_K, ge=1, le=MAX_K)
    """Most items of the page."""
    cursor: str | None = Field(default=None, min_length=1, max_length=MAX_CURSOR_CHARACTERS)
    """`next_cursor` of the page before, with the same body otherwise. Unset: a new list is made and frozen."""


class Experiment(RequestPart):
    """Which of several ways of making lists is used."""

    experiment_id: Id
    variant_id: Id | None = None
    """Unset: drawn, and always the same for one shopper; echoed in `meta`."""


class Candidate(RequestPart):
    """An item that the shop's own search engine found."""

    item_id: Id
    score: float = Field(ge=-MAX_HANDED_IN_SCORE, le=MAX_HANDED_IN_SCORE)
    """As that engine gives them: more is better. Only their order counts."""


class ListBody(RequestPart):
    """Everything that any question for a list can say; null means the default."""

    user: Shopper = Shopper()
    history: list[PostedEvent] | None = Field(default=None, max_length=MAX_HISTORY_EVENTS)
    """What the shopper did. Unset: the newest stored events of the account, of the session, or of both."""
    k: int | None = Field(default=None, ge=1, le=MAX_K, json_schema_extra={"default": DEFAULT_K})
    """Length of the list."""
    page: PageAsked | None = None
    """Instead of `k`: pages of one list of at most 500 items, which stays the same while one goes through it."""
    filter: FilterDocument | None = None
    """What is listed always satisfies it; if `k` such items exist, `k` come back."""
    exclude: Exclusions = Exclusions()
    include_out_of_stock: bool = False
    """True: items whose `in_stock` is false are listed too. Deleted ones never are."""
    boosts: BoostDocuments = Field(default=[])
    """Each multiplies the score of what fits it; then the list is sorted again."""
    max_per: MaxPerDocument = Field(default={})
    """Field → most items of the list with the same value; items without a value are not limited."""
    diversity: float = Field(default=0.0, ge=0, le=1)
    """0 keeps the order of relevance, 1 looks at difference only."""
    exploration: float = Field(default=0.0, ge=0, le=1)
    """Scales the generator's noise: 0 is the single best guess."""
    num_samples: int = Field(default=1, ge=1, le=MAX_SAMPLES)
    """Generated wishes whose neighbours are merged."""
    seed: int | None = Field(default=None, ge=0, le=MAX_SEED)
    """Of the noise. Unset: drawn, and echoed in `meta`."""
    explain: Explain = "none"
    """`reasons`: what each event of the history did for each item. `full`: also the bought item most like each, and
    what would have changed the first place."""
    return_properties: list[str] | None = Field(default=None, max_length=MAX_PROPERTIES)
    """Catalogue columns to return with each item, such as `title`. Unset: ids and scores only."""
    search_profile: SearchProfile = "balanced"
    """`fast`: no judge. `balanced`: the judge orders, which is what the published accuracy means. `exact`: every item
    is scored instead of asking the index, then the judge."""
    query: Query | None = None
    """A text: the list is then what `POST /v1/search` answers for it."""
    experiment: Experiment | None = None
    """What comes of the list is counted for its variant."""
    validate_only: bool = False
    """True: the request is checked as if it were to be answered, and nothing else is done."""

    @model_validator(mode="after")
    def _has_one_length(self) -> "ListBody":
        if self.page is not None and self.k is not None:
            raise ValueError("has both k and page: the length of a page is page.size")
        return self

    @property
    def names_shopper(self) -> bool:
        """Whether it says whose events may be stored."""
        return self.user.user_id is not None or self.user.session_id is not None

    @property
    def num_shown(self) -> int:
        """Most items that the answer shows."""
        return self.page.size if self.page else self.k or DEFAULT_K


class RecommendationBody(ListBody):
    """`history` or `user.user_id` or `user.session_id` is required, unless `user.personalise` is false.

    Everything else has a default, and null means the default.
    """

    @model_validator(mode="after")
    def _names_a_shopper(self) -> "RecommendationBody":
        if self.user.personalise and self.history is None and not self.names_shopper:
            raise ValueError("needs history or user.user_id or user.session_id, or user.personalise false")
        return self


class SearchBody(ListBody):
    """`query` is required. With a history, or a shopper whose events are stored, both order the list."""

    query: Query
    """What the shopper typed."""
    candidates: list[Candidate] | None = Field(default=None, max_length=MAX_HANDED_IN)
    """What the shop's own search engine found: ordered by its scores and the history, and no others are listed."""
