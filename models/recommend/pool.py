"""Everything that one user's list is made of, in the order of relevance."""

# P items in the order of relevance, C candidates

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.domain.item_rows import NO_ITEM
from models.domain.recommendation import MAX_FROZEN, Strategy
from models.domain.stages import timed
from models.recommend.candidates import Candidates, CandidateSource
from models.recommend.dislikes import less_disliked
from models.recommend.find_more import FoundMore, find_more
from models.recommend.orders import Order
from models.recommend.proposal import Proposal
from models.recommend.question import Question

NUM_MORE: Final = MAX_FROZEN
"""Candidates that are looked for below the first ones. Always as many: a longer list begins like a shorter one."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Allowed items, best first, with what is known of where they come from."""

    rows_P: NDArray[np.int32]
    values_P: NDArray[np.float32]
    made_P: NDArray[np.bool_]
    """Proposed by the generator."""
    near_P: NDArray[np.bool_]
    """Proposed by the neighbours."""
    strategy: Strategy
    num_scored: int

    def sources_of(self, row: int) -> tuple[str, ...]:
        """Who proposed this item: `popularity` where it is none of these."""
        (places,) = np.nonzero(self.rows_P == row)
        if not len(places):
            return ("popularity",)
        found = {"generator": self.made_P[places[0]], "neighbours": self.near_P[places[0]]}
        return tuple(name for name, is_source in found.items() if is_source) or ("history",)

    def shares(self, places: NDArray[np.int64], listed: int) -> dict[str, float]:
        """Share of a list of these places, and of popular items up to `listed`, that each source proposed.

        What both did counts half for each.
        """
        if listed == 0:
            return {}
        made, near = self.made_P[places], self.near_P[places]
        both = float((made & near).sum()) / 2
        shares = {"generator": float(made.sum()) - both, "neighbours": float(near.sum()) - both}
        shares["history"] = float((~made & ~near).sum())
        shares["popularity"] = float(listed - len(places))
        return {name: share / listed for name, share in shares.items()}


def pool_of(
    source: CandidateSource, question: Question, proposal: Proposal, order: Order, user: int, *, exact: bool
) -> Pool:
    """What the order has placed and may be listed; with what lies below, where that is too little for the list."""
    rows_C, values_C = proposal.candidates.rows_BC[user], order.values_BC[user]
    places = np.flatnonzero(np.isfinite(values_C) & proposal.allowed_BC[user])
    parts = [_Part.of(proposal.candidates, user, places, values_C)]
    strategy: Strategy = "exact" if exact else "ann"
    scored = rows_C[rows_C != NO_ITEM]
    if len(places) < question.k or len(question.disliked_rows) or not question.arrangement.keeps_order:
        more, found = _more(source, question, proposal, order, user, exact=exact)
        if more is not None:
            values_X = order.of_more(user, more)[0]
            parts.append(_Part.of(more, 0, np.flatnonzero(np.isfinite(values_X)), values_X))
        strategy, scored = found.strategy, np.union1d(scored, found.scored_rows)
    with timed("rerank"):
        whole = _Part(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        values = less_disliked(source, question.disliked_rows, whole.rows, whole.values, order.spread)
        # of equal values the lower row comes first
        best_first = np.lexsort((whole.rows, -values))
    return Pool(
        rows_P=whole.rows[best_first],
        values_P=values[best_first],
        made_P=whole.made[best_first],
        near_P=whole.near[best_first],
        strategy=strategy,
        num_scored=source.index.num_items if exact else len(scored),
    )


def _more(
    source: CandidateSource, question: Question, proposal: Proposal, order: Order, user: int, *, exact: bool
) -> tuple[Candidates | None, FoundMore]:
    """Allowed candidates of one user that the order has not placed yet; None where there are no more."""
    candidates = proposal.candidates
    rows_C, is_placed_C = candidates.rows_BC[user], np.isfinite(order.values_BC[user])
    wishes = candidates.wishes.of(user)
    with timed("search"):
        found = find_more(source, wishes, question, rows_C[is_placed_C], NUM_MORE, exact=exact)
    # what the shopper has may be listed again, whoever proposes it
    again = rows_C[candidates.in_history_BC[user] & ~is_placed_C & proposal.allowed_BC[user]]
    if not len(found.generated_rows) and not len(found.near_rows) and not len(again):
        return None, found
    rows_1X = (found.generated_rows[None], found.near_rows[None], again[None])
    return source.scored(proposal.history_of(user), wishes, *rows_1X), found


class _Part(NamedTuple):
    rows: NDArray[np.int32]
    values: NDArray[np.float32]
    made: NDArray[np.bool_]
    near: NDArray[np.bool_]

    @classmethod
    def of(cls, candidates: Candidates, user: int, places: NDArray[np.int64], values_C: NDArray[np.float32]) -> "_Part":
        return cls(
            candidates.rows_BC[user, places],
            values_C[places],
            candidates.from_generator_BC[user, places],
            candidates.from_neighbours_BC[user, places],
        )
