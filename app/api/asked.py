"""A body to a question that the model can be asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.api.asking import Asking
from app.api.fields import refused
from app.api.list_request import ListBody, SearchBody, Shopper
from app.api.pages import LaterPage, body_digest, later_page
from app.api.problem import FieldProblem
from app.api.readable import refuse_unknown_properties, refuse_unreadable_rules
from app.runtime.experiments import Variant
from app.runtime.random_bits import random_bytes
from models.domain.errors import UnknownName
from models.domain.events import HistoryEvent
from models.domain.filter import parse_filter
from models.domain.recommendation import MAX_FROZEN, RecommendationRequest, SearchRequest
from models.domain.rules import parse_boosts, parse_max_per

DRAWN_SEED_BITS: Final = 53
"""A drawn seed is echoed; JavaScript reads larger numbers wrongly and could not send it back."""
NOTHING_READ: Final = "a publishable key reads nothing that is stored about a shopper: post the history"
"""Told whether anything is stored or not."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question for a list, with all that is stored and belongs to it."""

    body: ListBody
    """As it was sent, but for what the variant of an experiment overrides."""
    request: RecommendationRequest
    body_digest: str | None
    """Of the body as it was sent, where it asks for pages."""
    variant_id: str | None
    later: LaterPage | None
    """Set where the body asks for another page of a list that was made before."""
    warnings: Sequence[str] = ()
    """What the caller should know of the question, whatever the answer is."""

    @property
    def search(self) -> SearchRequest | None:
        """The question with its text, if it has one."""
        if self.body.query is None:
            return None
        candidates = self.body.candidates if isinstance(self.body, SearchBody) else None
        handed_in = None if candidates is None else [(each.item_id, each.score) for each in candidates]
        return SearchRequest(self.request, self.body.query, handed_in)

    @property
    def reads_texts(self) -> bool:
        """Whether the answer needs what items are described with."""
        search = self.search
        return search is not None and search.candidates is None and self.makes_list

    @property
    def makes_list(self) -> bool:
        """Whether a new list is asked for: no later page, no check alone."""
        return self.later is None and not self.body.validate_only

    @property
    def is_by_history(self) -> bool:
        """Whether that is one by the history: no text finds it."""
        return self.makes_list and self.body.query is None

    @property
    def shares_call(self) -> bool:
        """Whether a list by the history is all that is asked for, without an explanation, which is work of its own."""
        return self.is_by_history and self.body.explain == "none"

    @property
    def num_explained(self) -> int:
        """Events that are left out in turn to explain the list, times the samples that are drawn without each."""
        if self.body.explain == "none" or self.body.validate_only:
            return 0
        return len(self.request.history) * self.request.num_samples


async def asked_of(asking: Asking, body: ListBody) -> Asked:
    """What the body asks; raises the 422 for what can be seen without asking the model."""
    refuse_unknown_properties(asking, body.return_properties or ())
    digest = body_digest(body) if body.page else None
    later = await later_page(asking, body.page.cursor, digest) if body.page and digest else None
    seed = later.kept.seed if later else drawn_seed() if body.seed is None else body.seed
    variant = _variant(asking, body, seed)
    if variant is not None:
        body = body.model_copy(update=dict(variant.overrides))
    history = later.kept.history if later else await _history(asking, body)
    request = request_of(body, history, seed)
    refuse_unreadable_rules(asking, request.filter, request.boosts, request.max_per)
    warnings = [NOTHING_READ] if later is None and _names_unread(asking, body) else ()
    return Asked(body, request, digest, variant.variant_id if variant else None, later, warnings)


def request_of(body: ListBody, history: Sequence[HistoryEvent], seed: int) -> RecommendationRequest:
    """The recommender's request; of pages, the one for the whole frozen list."""
    return RecommendationRequest(
        history=history,
        k=MAX_FROZEN if body.page else body.num_shown,
        exclude_item_ids=body.exclude.item_ids,
        exclude_seen=body.exclude.seen,
        exploration=body.exploration,
        num_samples=body.num_samples,
        seed=seed,
        filter=None if body.filter is None else parse_filter(body.filter),
        include_out_of_stock=body.include_out_of_stock,
        boosts=parse_boosts(body.boosts),
        max_per=parse_max_per(body.max_per),
        diversity=body.diversity,
        search_profile=body.search_profile,
    )


def drawn_seed() -> int:
    """Where the caller leaves it open."""
    return random_bytes.bits(DRAWN_SEED_BITS)


def _variant(asking: Asking, body: ListBody, seed: int) -> Variant | None:
    """By account, else by session, else by seed, as also where nothing of the shopper may be read."""
    if body.experiment is None:
        return None
    user = body.user if body.user.personalise else Shopper()
    unit = (
        f"user {user.user_id}" if user.user_id else f"session {user.session_id}" if user.session_id else f"seed {seed}"
    )
    try:
        return asking.shop.experiments.variant(body.experiment.experiment_id, body.experiment.variant_id, unit)
    except UnknownName as error:
        raise refused([FieldProblem(pointer="/experiment/variant_id", detail=str(error))]) from None


async def _history(asking: Asking, body: ListBody) -> Sequence[HistoryEvent]:
    """What was posted, else what is stored; nothing where the shopper, or the key, does not allow it."""
    if not body.user.personalise:
        return ()
    if body.history is not None:
        return [
            HistoryEvent(event.item_id, event.event_type, event.timestamp.timestamp() if event.timestamp else None)
            for event in body.history
        ]
    if not body.names_shopper or not asking.may_read_stored:
        return ()
    return await asking.shop.shoppers.history(body.user.user_id, body.user.session_id, asking.deadline)


def _names_unread(asking: Asking, body: ListBody) -> bool:
    """Whether a stored history was asked for that this key must not read."""
    asks_for_stored = body.user.personalise and body.history is None and body.names_shopper
    return asks_for_stored and not asking.may_read_stored
