"""Everything that one user's list is made of, in the order of relevance."""

# P items in the order of relevance, C candidates

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.baselines.best_first import best_first
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
    num_first: int
    """How many were placed before anything was looked for below them."""

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
        num_made, num_near, num_both = (int(np.count_nonzero(each)) for each in (made, near, made & near))
        shares = {"generator": num_made - num_both / 2, "neighbours": num_near - num_both / 2}
        shares["history"] = float(len(places) - num_made - num_near + num_both)
        shares["popularity"] = float(listed - len(places))
        return {name: share / listed for name, share in shares.items()}


@dataclass(frozen=True, slots=True)
class Placed:
    """The candidates of a proposal that an order has placed and that may be listed."""

    columns_BC: NDArray[np.int64]
    """Best first, of equal values the lower row first; then those that are not."""
    counts_B: NDArray[np.int64]

    @classmethod
    def of(cls, proposal: Proposal, order: Order) -> "Placed":
        """For all users at once."""
        with timed("rerank"):
            listed_BC = proposal.listed(order.values_BC)
            return cls(best_first(listed_BC), np.isfinite(listed_BC).sum(axis=1))


def pool_of(
    source: CandidateSource,
    question: Question,
    proposal: Proposal,
    order: Order,
    placed: Placed,
    user: int,
    *,
    exact: bool,
    whole: bool = False,
) -> Pool:
    """What the order has placed and may be listed; with what lies below, where that is too little for the list.

    `whole`: also what stands below the last place of the list where that cannot matter for it.
    """
    rows_C, values_C = proposal.candidates.rows_BC[user], order.values_BC[user]
    columns_P = placed.columns_BC[user, : placed.counts_B[user]]
    arrangement = question.arrangement
    if not len(question.disliked_rows) and arrangement.is_settled_by(rows_C[columns_P], question.k):
        kept_P = columns_P[: question.k] if arrangement.keeps_order and not whole else columns_P
        part = _Part.of(proposal.candidates, user, kept_P, values_C)
        num_scored = source.index.num_items if exact else int(np.count_nonzero(rows_C != NO_ITEM))
        return Pool(*part, "exact" if exact else "ann", num_scored, len(columns_P))
    part = _Part.of(proposal.candidates, user, columns_P, values_C)
    more, found = _more(source, question, proposal, order, user, exact=exact)
    if more is not None:
        values_X = order.of_more(user, more)[0]
        below = _Part.of(more, 0, np.flatnonzero(np.isfinite(values_X)), values_X)
        part = _Part(*(np.concatenate(column) for column in zip(part, below, strict=True)))
    with timed("rerank"):
        values_P = less_disliked(source, question.disliked_rows, part.rows, part.values, order.spread)
        # of equal values the lower row comes first
        best_P = np.lexsort((part.rows, -values_P))
        ordered = _Part(part.rows[best_P], values_P[best_P], part.made[best_P], part.near[best_P])
    scored = np.union1d(rows_C[rows_C != NO_ITEM], found.scored_rows)
    return Pool(*ordered, found.strategy, source.index.num_items if exact else len(scored), len(columns_P))


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
