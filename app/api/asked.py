"""A body to a question that the model can be asked."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.api import MAX_ERRORS
from app.api.asking import Asking
from app.api.fields import refused
from app.api.list_request import ListBody, SearchBody
from app.api.pages import LaterPage, later_page
from app.api.problem import FieldProblem
from app.runtime.live_model import ServedModel
from models.domain.errors import UnknownName
from models.domain.events import HistoryEvent
from models.domain.filter import parse_filter
from models.domain.recommendation import MAX_FROZEN, MAX_ID_CHARACTERS, RecommendationRequest, SearchRequest
from models.domain.rules import parse_boosts, parse_max_per

MAX_DRAWN_SEED: Final = 2**53 - 1
"""A drawn seed is echoed; JavaScript reads larger numbers wrongly and could not send it back."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One question for a list, with all that is stored and belongs to it."""

    body: ListBody
    request: RecommendationRequest
    later: LaterPage | None
    """Set where the body asks for another page of a list that was made before."""

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
        makes_list = self.later is None and not self.body.validate_only
        return search is not None and search.candidates is None and makes_list


async def asked_of(asking: Asking, body: ListBody) -> Asked:
    """What the body asks; raises the 422 for what can be seen without asking the model."""
    refuse_unknown_properties(asking.loaded.model, body.return_properties or ())
    later = await later_page(asking, body)
    if later is not None:
        return Asked(body, request_of(body, later.kept.history, later.kept.seed), later)
    seed = secrets.randbelow(MAX_DRAWN_SEED + 1) if body.seed is None else body.seed
    return Asked(body, request_of(body, await _history(asking, body), seed), None)


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


async def _history(asking: Asking, body: ListBody) -> Sequence[HistoryEvent]:
    """What was posted, else what is stored; nothing where the shopper, or the key, does not allow it."""
    if not body.user.personalise:
        return ()
    if body.history is not None:
        return [
            HistoryEvent(event.item_id, event.event_type, event.timestamp.timestamp() if event.timestamp else None)
            for event in body.history
        ]
    names_nobody = body.user.user_id is None and body.user.session_id is None
    if names_nobody or not asking.may_read_stored:
        return ()
    return await asking.shop.shoppers.history(body.user.user_id, body.user.session_id, asking.deadline)


def refuse_unknown_properties(model: ServedModel, names: Sequence[str], at: str = "/return_properties") -> None:
    """Raises the 422 for columns that the catalogue does not have."""
    known = list(model.property_names)
    problems = [
        FieldProblem(pointer=f"{at}/{place}", detail=str(UnknownName("property", name[:MAX_ID_CHARACTERS], known)))
        for place, name in enumerate(names)
        if name not in known
    ]
    if problems:
        raise refused(problems[:MAX_ERRORS], num_found=len(problems))
