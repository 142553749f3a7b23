"""Explanations of the model in the words of the contract."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from app.api.list_answer import FirstPlaceTold, ReasonTold
from models.domain.explanation import Explanation, FirstPlace, Reason

MAX_REASONS: Final = 10
"""Of one item in a list; `GET …/explanation` tells all."""


def is_personal(explanation: Explanation) -> bool:
    """Whether events of a history did something for the list."""
    return any(item.reasons for item in explanation.items)


def reasons_told(explanation: Explanation, *, full: bool) -> dict[str, Mapping[str, Any]]:
    """Item → what is told of it beside its score."""
    return {
        item.item_id: {
            "reasons": reasons(item.reasons[:MAX_REASONS]),
            **({"nearest_bought": item.nearest_bought} if full else {}),
        }
        for item in explanation.items
    }


def reasons(found: Sequence[Reason]) -> list[ReasonTold]:
    """The same, as they are answered."""
    return [ReasonTold(item_id=one.item_id, contribution=one.contribution) for one in found]


def first_place_told(explanation: Explanation | None) -> FirstPlaceTold | None:
    """What would have changed the first place, with items for events."""
    if explanation is None or explanation.first_place is None:
        return None
    found: FirstPlace = explanation.first_place
    item_at = {reason.position: reason.item_id for reason in explanation.items[0].reasons}
    return FirstPlaceTold(
        without=[item_at[position] for position in found.positions],
        would_be_first=found.would_be_first,
        events_tried=found.events_tried,
    )
