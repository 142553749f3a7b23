"""Why a list is as it is: which events carried each item, and what would have changed its first place."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    """What one event of the history did for one item of the list."""

    position: int
    """Of the event among those that were used, oldest first, from 0."""
    item_id: str
    contribution: float
    """By how much the item's score would be lower without this event; below zero where it would be higher."""


@dataclass(frozen=True, slots=True)
class ExplainedItem:
    """One item of a list."""

    item_id: str
    score: float
    """Of relevance alone, before boosts."""
    reasons: Sequence[Reason]
    """One for each event that was used, the strongest first; empty where there was no history to go by."""
    nearest_bought: str | None
    """Of the items that the shopper bought (or else put in the cart, clicked or viewed), the one most like it."""
    sources: Sequence[str]
    """Who proposed it: `generator`, `neighbours`, both, `history` or `popularity`."""


@dataclass(frozen=True, slots=True)
class FirstPlace:
    """The fewest events without which another item would be first; of many events, the fewest that were found."""

    positions: Sequence[int]
    """Empty where none were found within the bound."""
    would_be_first: str | None
    events_tried: int
    """How many events at most were removed in the search."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of one list."""

    items: Sequence[ExplainedItem]
    first_place: FirstPlace | None
    """None where it was not asked for, or where there is no history or no item."""

    @property
    def is_personal(self) -> bool:
        """Whether events of a history did something for the list."""
        return any(item.reasons for item in self.items)
