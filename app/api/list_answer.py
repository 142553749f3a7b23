"""What is answered to a question for a list, whichever path it came by."""

from typing import Any, Literal, Self

from pydantic import Field

from app.api.parts import AnswerPart
from models.domain.explanation import Explanation, Reason
from models.domain.recommendation import Fallback, Recommendation, Strategy


class ReasonTold(AnswerPart):
    """What one event of the history did for one item."""

    item_id: str
    """Of the event."""
    contribution: float
    """By how much the item's score would be lower without the event; below zero where it would be higher."""

    @classmethod
    def of(cls, reason: Reason) -> Self:
        """As the model found it."""
        return cls(item_id=reason.item_id, contribution=reason.contribution)


class AnsweredItem(AnswerPart):
    """One place of the list."""

    # factories where there could be defaults: pydantic copies those deeply, and twenty items twice as long to make

    item_id: str
    rank: int
    """From 1; goes on from page to page."""
    score: float = Field(allow_inf_nan=False)
    """In [0, 1]; comparable within one answer."""
    properties: dict[str, Any] = Field(default_factory=dict, json_schema_extra={"default": {}})
    """Only where `return_properties` asked for some."""
    reasons: list[ReasonTold] = Field(default_factory=list, json_schema_extra={"default": []})
    """Only where `explain` asked for them: the strongest ten, the strongest first."""
    sources: list[str] = Field(default=[])
    """Only where `explain` asked for reasons: who proposed the item: `generator`, `neighbours`, both, `history` or
    `popularity`."""
    nearest_bought: str | None = Field(default=None)
    """Only where `explain` is `full`: of what the shopper bought, else put in the cart, clicked or viewed, the most
    alike."""


class FirstPlaceTold(AnswerPart):
    """What would have changed the first place."""

    without: list[str]
    """Items of the fewest events without which another item is first; empty where the same item stays first. Every
    single event is tried, sets of several as long as they are few, then the strongest one after the other."""
    would_be_first: str | None
    """Null where `without` is empty."""
    events_tried: int
    """How many events at most were removed together; 0 for a history of one event, which cannot go."""

    @classmethod
    def of(cls, explanation: Explanation | None) -> Self | None:
        """With items for events; None where it was not asked for, or nothing is personal."""
        if explanation is None or explanation.first_place is None:
            return None
        found = explanation.first_place
        item_at = {reason.position: reason.item_id for reason in explanation.items[0].reasons}
        return cls(
            without=[item_at[position] for position in found.positions],
            would_be_first=found.would_be_first,
            events_tried=found.events_tried,
        )


class Retrieval(AnswerPart):
    """How the list came about."""

    strategy: Strategy | Literal["none"]
    """`ann`: through the index. `exact_prefilter`: the filter left so few that all of them were scored. `exact`: every
    item was scored. `popularity`: no usable history, or a service that lists everybody what is popular. `text`: by the
    words and the meaning of a query. `candidates`: as they were handed in. `none`: nothing was searched
    (`validate_only`)."""
    candidates_scanned: int
    """Items whose score was computed."""
    under_filled: bool
    """Fewer than `k`, or `page.size`, items are allowed."""
    sources: dict[str, float]
    """Share of the listed items that each source proposed: `generator`, `neighbours`, `history` (taken before, and
    neither of them proposes it) and `popularity`; in a search `words` and `meaning`, or `candidates`; of similar items
    `features` and `neighbours`. Who found the items of this list; which system ordered them is `serves` in `GET
    /v1/model`."""

    @classmethod
    def of(cls, answer: Recommendation, num_wanted: int) -> Self:
        """Of a list that was just made."""
        return cls(
            strategy=answer.strategy,
            candidates_scanned=answer.candidates_scanned,
            under_filled=len(answer.items) < num_wanted,
            sources=answer.sources,
        )


class Meta(AnswerPart):
    """About the answer, not part of it: two equal requests may differ here."""

    request_id: str
    model_version: str
    index_version: str
    """The model's, with the revision of the catalogue's changes that are in it; a second number, where there is one, is
    the revision up to which new and changed content is in it. On a later page both are those of the frozen list."""
    index_age_seconds: int
    """Since the newest change of the catalogue that is in it; since the model was made, before the first."""
    seed: int
    variant_id: str | None
    took_ms: float


class RecommendationAnswer(AnswerPart):
    """Products, best first."""

    recommendation_id: str
    """Sorts by time. All pages of one list have the same; a request that was only validated leaves nothing behind under
    it."""
    items: list[AnsweredItem]
    next_cursor: str | None
    """For the next page, where pages were asked for; null at the end."""
    fallback: Fallback
    """`popularity`: there was no usable history, so popular items are listed."""
    warnings: list[str]
    retrieval: Retrieval
    meta: Meta
    first_place: FirstPlaceTold | None = Field(default=None)
    """Only where `explain` is `full`; null where there is no history that could have made another list."""
    validated: bool = Field(default=True)
    """Only where `validate_only` was asked: true, and `items` is empty. What is wrong is a 422."""
