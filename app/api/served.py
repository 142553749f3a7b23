"""Answers as they are kept, for pages and explanations: what is written down, and how it is read again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import isfinite
from typing import Any, Final

from app.api.asking import Asking
from app.api.list_answer import RecommendationAnswer, Retrieval
from app.api.list_request import Experiment, ListBody, Shopper
from app.runtime.workers import within
from app.store.lists import ServedList
from models.domain.events import HistoryEvent
from models.domain.recommendation import Fallback, RecommendedItem

KEPT: Final = timedelta(hours=1)
"""How long pages and explanations of a list can be asked for."""
NOT_KEPT: Final = frozenset({"user", "history", "query", "candidates", "experiment", "validate_only"})
"""Of a body: the history is kept as it was used, the shopper and the experiment in columns of the table, and of what
was typed that it was a search."""
NOT_KEPT_OF_NOBODY: Final = NOT_KEPT | {"exclude", "filter", "boosts"}
"""Where a shopper wants nothing personal: nothing that tells what was done or chosen. Nothing personal made the list,
so no explanation needs it."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A list that was served, as it can be read again."""

    served: ServedList

    @property
    def body(self) -> ListBody:
        """What was asked, without the shopper."""
        fields = ListBody.model_fields.keys() - NOT_KEPT
        return ListBody.model_validate({name: said for name, said in self.served.request.items() if name in fields})

    @property
    def history(self) -> Sequence[HistoryEvent]:
        """As it was used."""
        return [HistoryEvent(item_id, event_type, seconds) for item_id, event_type, seconds in self._said("history")]

    @property
    def seed(self) -> int:
        """Of its noise."""
        return int(self._said("seed"))

    @property
    def is_personal(self) -> bool:
        """Whether something of the shopper was to be used."""
        return bool(self._said("personalise"))

    @property
    def similar_to(self) -> str | None:
        """The item that all of its items are like; None of a list for a shopper."""
        found: str | None = self.served.request.get("similar_to")
        return found

    @property
    def is_search(self) -> bool:
        """Whether a text found its items."""
        return bool(self.served.request.get("is_search"))

    @property
    def fallback(self) -> Fallback:
        """As it was answered."""
        found: Fallback = self._said("fallback")
        return found

    @property
    def retrieval(self) -> Retrieval:
        """As it was answered."""
        return Retrieval.model_validate(self._said("retrieval"))

    @property
    def body_digest(self) -> str | None:
        """Of what was asked, where pages were asked for."""
        found: str | None = self.served.request.get("body_digest")
        return found

    def _said(self, name: str) -> Any:
        return self.served.request[name]


async def find_kept(asking: Asking, recommendation_id: str) -> Kept | None:
    """The list; None where it never was, was served more than an hour ago, or to another key.

    Raises DeadlineExceeded, StoreUnavailable.
    """
    async with within(asking.deadline):
        served = await asking.shop.served_lists.get(recommendation_id)
    if served is None or served.key_id != asking.key_id:
        return None
    return Kept(served) if asking.shop.store.clock() < served.created_at + KEPT else None


def keep(
    asking: Asking,
    told: RecommendationAnswer,
    items: Sequence[RecommendedItem],
    *,
    asked_at: datetime,
    user: Shopper,
    request: Mapping[str, Any],
    experiment: Experiment | None = None,
) -> tuple[ServedList, bool]:
    """What is written down of a list, soon, and whether there is room for it; of a shopper who wants nothing personal,
    nothing that is about the shopper.

    `items` is the whole list, of which the first were answered; `request` is what else `Kept` reads. Raises ValueError
    for a score that is no number: it would be kept as null, and nothing could be made of the list again.
    """
    if not all(isfinite(item.score) for item in items):
        raise ValueError(f"the list {told.recommendation_id} has scores that are no finite numbers")
    shopper = user if user.personalise else Shopper()
    counted = _counted(asking, experiment, told.meta.variant_id)
    served = ServedList(
        recommendation_id=told.recommendation_id,
        request={
            **request,
            "seed": told.meta.seed,
            "personalise": user.personalise,
            "fallback": told.fallback,
            "retrieval": told.retrieval.model_dump(mode="json"),
        },
        items=[{"item_id": item.item_id, "score": item.score} for item in items],
        model_version=told.meta.model_version,
        index_version=told.meta.index_version,
        created_at=asked_at,
        expires_at=asked_at + asking.shop.served_lists.kept,
        key_id=asking.key_id,
        user_id=shopper.user_id,
        session_id=shopper.session_id,
        experiment_id=counted[0],
        variant_id=counted[1],
    )
    return served, asking.shop.served_lists.record(served, len(told.items))


def _counted(asking: Asking, experiment: Experiment | None, variant_id: str | None) -> tuple[str | None, str | None]:
    """Experiment and variant whose sums the list goes into."""
    if experiment is None or variant_id is None:
        return None, None
    is_counted = asking.shop.experiments.is_counted(experiment.experiment_id, variant_id)
    return (experiment.experiment_id, variant_id) if is_counted else (None, None)


def said_in(body: ListBody, history: Sequence[HistoryEvent]) -> dict[str, Any]:
    """What is kept of a body and of the history that was used for it."""
    not_kept = NOT_KEPT if body.user.personalise else NOT_KEPT_OF_NOBODY
    said = body.model_dump(mode="json", exclude=set(not_kept), exclude_defaults=True)
    return {
        **said,
        "is_search": body.query is not None,
        "history": [[event.item_id, event.event_type, event.timestamp_seconds] for event in history],
    }
