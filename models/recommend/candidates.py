"""Candidates: what generator and neighbours propose for a batch of histories, with every score that orders them."""

# B users, L events, S samples, Z noise, D features, C candidates, X proposals before duplicates are dropped

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.baselines.neighbours import Neighbours
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import Rows
from models.domain.stages import tell_wishes, timed
from models.features.histories import HistoryBatch
from models.features.row_keys import HALF, row_keys, unsigned
from models.retrieval.exact import ExactIndex
from models.retrieval.index import VectorIndex
from models.retrieval.metric import InnerProduct

NUM_CANDIDATES: Final = 100
"""Proposals of each source. The scale of every score is read off the generator's best of this number."""

_SOURCE_BITS, _SOURCE = np.uint64(2), np.uint64(3)
LENGTH_CLASSES: Final = (8, 16, 32)
"""Histories of up to so many events share a call. A call costs as much as some twenty events of padding."""


class RunsNetwork(Protocol):
    """One exported network: named arrays in, its one output out."""

    def __call__(self, inputs: dict[str, NDArray[Any]], /) -> NDArray[np.float32]:
        """The network's output."""


class KnowsItems(Protocol):
    """The critic, of items that it has met before (`models.recommend.critic_terms.CriticTerms`)."""

    def logits(self, taste_BD: NDArray[np.float32], rows_BC: NDArray[np.int32]) -> NDArray[np.float32]:
        """Logits [B, C]; where there is no item (-1), without meaning."""

    def changed(self, rows_C: NDArray[np.int32], features_CD: NDArray[np.float32], num_rows: int) -> "KnowsItems":
        """The same over items of which these have other features, or are new; `num_rows` in all afterwards."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a batch of histories asks of the index and of the neighbours, whatever a request leaves out."""

    taste_BD: NDArray[np.float32]
    samples_BSD: NDArray[np.float32]
    scored_rows_BX: NDArray[np.int32]
    """Every item that neighbours speak for, best first, then -1."""
    scored_BX: NDArray[np.float32]
    """What they say of each, 0 beyond the last."""

    def of(self, user: int) -> "Wishes":
        """One user's."""
        one = slice(user, user + 1)
        return Wishes(self.taste_BD[one], self.samples_BSD[one], self.scored_rows_BX[one], self.scored_BX[one])


@dataclass(frozen=True, eq=False)
class Candidates:
    """Distinct items per user, ascending by row; columns without an item have row -1 and no meaning."""

    rows_BC: NDArray[np.int32]
    generator_BC: NDArray[np.float32]
    """Log of the mean, over samples, of exp(scale · generated · item)."""
    neighbours_BC: NDArray[np.float32]
    """Co-occurrence with the history, 0 where there is none."""
    from_generator_BC: NDArray[np.bool_]
    from_neighbours_BC: NDArray[np.bool_]
    in_history_BC: NDArray[np.bool_]
    """Among the events that the networks read; where these are left out of lists, among older ones too."""
    taken_BC: NDArray[np.float32]
    """How much of a habit each is, by older events too; 0 where nothing may be offered again."""
    from_taken_BC: NDArray[np.bool_]
    """Proposed because the shopper took it before."""
    neighbours_best_BX: NDArray[np.float32]
    """The neighbours' highest scores of all items, best first."""
    wishes: Wishes
    criticise: Callable[[], NDArray[np.float32]]

    @cached_property
    def critic_BC(self) -> NDArray[np.float32]:
        """The critic's logit: higher is more like a real next product of this shopper. Asked only where it counts."""
        return self.criticise()


@dataclass(frozen=True, slots=True)
class CandidateSource:
    """Generator, index, neighbours and critic behind one question: what could come next?"""

    generator: RunsNetwork
    critic: RunsNetwork
    index: VectorIndex
    item_features_ND: Rows
    neighbours: Neighbours
    similarity_scale: float
    """What training multiplied inner products by: samples are mixed at the temperature that they were trained at."""
    critic_terms: KnowsItems | None = None
    """What the critic says of items, made beforehand; a bundle of before there was such a thing lacks it."""
    is_gone_N: NDArray[np.bool_] | None = None
    """Items that the shop took out; None where all are still there."""

    def propose(
        self,
        history: HistoryBatch,
        noise_BSZ: NDArray[np.float32],
        fetch_B: Sequence[int],
        others_BX: NDArray[np.int32],
        *,
        exact: bool = False,
    ) -> Candidates:
        """Candidates for B histories of at least one event each.

        Up to `fetch_B[b]` proposals of each sample and of the neighbours: `NUM_CANDIDATES` and as many as the history
        has items. `others_BX` are scored beside them, -1 is none: items of the history that may be listed again, and
        what else is asked about. `exact` meets every item instead of asking the index.
        """
        wishes = self.wishes(history, noise_BSZ)
        fetch = min(max(fetch_B), self.index.num_items)
        batch, num_samples, size = wishes.samples_BSD.shape
        with timed("search"):
            found, _ = self._search(np.ascontiguousarray(wishes.samples_BSD.reshape(-1, size)), fetch, exact=exact)
        limits_B = np.asarray(fetch_B)[:, None]
        generated_BX = _first(found.reshape(batch, num_samples, fetch), limits_B[..., None]).reshape(batch, -1)
        return self.scored(history, wishes, generated_BX, _first(wishes.scored_rows_BX, limits_B), others_BX)

    def _search(
        self, queries_XD: NDArray[np.float32], k: int, *, exact: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        if not exact:
            return self.index.search(queries_XD, k)
        allowed_N = None if self.is_gone_N is None else ~self.is_gone_N
        return ExactIndex(self.item_features_ND).search(queries_XD, k, allowed_N)

    def wishes(self, history: HistoryBatch, noise_BSZ: NDArray[np.float32]) -> Wishes:
        """What B histories ask for."""
        with timed("generate"):
            generated_BTD = self.generate(history, noise_BSZ)
        tell_wishes(generated_BTD[0, 1:])
        with timed("search"):
            # every neighbour's score, however many are proposed: what is left out must not change what remains
            scored_rows_BX, scored_BX = self.neighbours.scores(
                history.item_rows_BL, history.event_types_BL, self.neighbours.most_scored
            )
            longest = max(1, int((scored_rows_BX != NO_ITEM).sum(axis=1).max()))
        return Wishes(
            taste_BD=generated_BTD[:, 0],
            samples_BSD=generated_BTD[:, 1:],
            scored_rows_BX=np.ascontiguousarray(scored_rows_BX[:, :longest]),
            scored_BX=np.ascontiguousarray(scored_BX[:, :longest]),
        )

    def scored(
        self,
        history: HistoryBatch,
        wishes: Wishes,
        generated_BX: NDArray[np.int32],
        neighbour_rows_BX: NDArray[np.int32],
        others_BX: NDArray[np.int32],
    ) -> Candidates:
        """Rows by who proposed them, with every score; -1 among them is no proposal."""
        with timed("fuse"):
            distinct = Distinct.of(generated_BX, neighbour_rows_BX, others_BX)
            rows_BC, taken = distinct.rows_BC, history.taken
            features_BCD = self.item_features_ND[np.maximum(rows_BC, 0)]
            return Candidates(
                rows_BC=rows_BC,
                generator_BC=self.likelihood(wishes, features_BCD),
                neighbours_BC=look_up(rows_BC, wishes.scored_rows_BX, wishes.scored_BX),
                from_generator_BC=distinct.from_generator_BC,
                from_neighbours_BC=distinct.from_neighbours_BC,
                in_history_BC=_contains(rows_BC, history.had_BX),
                taken_BC=np.zeros(rows_BC.shape, np.float32) if taken is None else taken.habits_of(rows_BC),
                from_taken_BC=np.zeros(rows_BC.shape, np.bool_) if taken is None else _contains(rows_BC, taken.best_BX),
                neighbours_best_BX=wishes.scored_BX[:, :NUM_CANDIDATES],
                wishes=wishes,
                criticise=lambda: self.criticised(wishes, rows_BC),
            )

    def criticised(self, wishes: Wishes, rows_BC: NDArray[np.int32]) -> NDArray[np.float32]:
        """The critic's logits [B, C] of these items."""
        if self.critic_terms is not None:
            return self.critic_terms.logits(wishes.taste_BD, rows_BC)
        # fetched again: candidates may be kept for long, and features are most of what they would weigh
        features_BCD = self.item_features_ND[np.maximum(rows_BC, 0)]
        return self.critic({"taste": wishes.taste_BD, "candidates": features_BCD})

    def likelihood(self, wishes: Wishes, features_BCD: NDArray[np.float32]) -> NDArray[np.float32]:
        """The generator's score [B, C] of these features."""
        similarity_BSC = InnerProduct.similarity(wishes.samples_BSD, features_BCD)
        return _log_mean_exp(np.float32(self.similarity_scale) * similarity_BSC)

    def generate(self, history: HistoryBatch, noise_BSZ: NDArray[np.float32]) -> NDArray[np.float32]:
        """Generated features [B, 1 + S, D]; the first, of zero noise, is the taste itself.

        Short histories and long ones take calls of their own: most of a mixed one would be padding.
        """
        noise_BTZ = np.concatenate([np.zeros_like(noise_BSZ[:, :1]), noise_BSZ], axis=1)
        class_B = np.searchsorted(LENGTH_CLASSES, history.lengths_B)
        generated_BTD = np.empty((*noise_BTZ.shape[:2], self.item_features_ND.shape[1]), np.float32)
        for each in np.unique(class_B):
            users = np.flatnonzero(class_B == each)
            alike = history.newest(users, max(1, int(history.lengths_B[users].max())))
            generated_BTD[users] = self.generator({**alike.as_inputs(self.item_features_ND), "noise": noise_BTZ[users]})
        return generated_BTD


def _first(rows: NDArray[np.int32], limits: NDArray[np.int64]) -> NDArray[np.int32]:
    """Only each list's first `limits`: what a user is offered must not depend on who else is in the batch."""
    return np.where(np.arange(rows.shape[-1]) < limits, rows, NO_ITEM)


class Distinct(NamedTuple):
    """Each user's candidates."""

    rows_BC: NDArray[np.int32]
    """Ascending, then -1; as few columns as the longest list needs."""
    from_generator_BC: NDArray[np.bool_]
    from_neighbours_BC: NDArray[np.bool_]

    @classmethod
    def of(
        cls, generated_BX: NDArray[np.int32], neighbour_rows_BX: NDArray[np.int32], others_BX: NDArray[np.int32]
    ) -> "Distinct":
        """Each user's distinct rows, and who proposed them."""
        sources = (generated_BX, neighbour_rows_BX, others_BX)
        # row and source in one number, so that one sort brings together who proposed the same
        told_BX = np.concatenate(
            [unsigned(rows) << _SOURCE_BITS | np.uint64(source) for source, rows in enumerate(sources)], axis=1
        )
        told_BX.sort(axis=1)
        rows_BX, source_BX = (told_BX >> _SOURCE_BITS).astype(np.uint32).view(np.int32), told_BX & _SOURCE
        is_first_BX = np.ones(rows_BX.shape, np.bool_)
        is_first_BX[:, 1:] = rows_BX[:, 1:] != rows_BX[:, :-1]
        columns_BX = np.cumsum(is_first_BX, axis=1) - 1
        is_there_BX = rows_BX != NO_ITEM
        shape_BC = len(rows_BX), max(1, int((is_first_BX & is_there_BX).sum(axis=1).max()))
        places_BX = columns_BX + shape_BC[1] * np.arange(len(rows_BX))[:, None]
        distinct = cls(np.full(shape_BC, NO_ITEM, np.int32), np.zeros(shape_BC, np.bool_), np.zeros(shape_BC, np.bool_))
        distinct.rows_BC.ravel()[places_BX[is_there_BX]] = rows_BX[is_there_BX]
        for source, is_from_BC in enumerate(distinct[1:]):
            is_from_BC.ravel()[places_BX[is_there_BX & (source_BX == source)]] = True
        return distinct


def _log_mean_exp(similarity_BSC: NDArray[np.float32]) -> NDArray[np.float32]:
    top_B1C = similarity_BSC.max(axis=1, keepdims=True)
    mean_BC = np.exp(similarity_BSC - top_B1C).mean(axis=1)
    return np.asarray(top_B1C[:, 0] + np.log(mean_BC), np.float32)


def _contains(rows_BC: NDArray[np.int32], asked_BX: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which of these rows, ascending as `Distinct` has them, are asked about."""
    keys, wanted_BX = row_keys(rows_BC).ravel(), row_keys(asked_BX)
    places_BX = np.minimum(np.searchsorted(keys, wanted_BX), len(keys) - 1)
    found_BC = np.zeros(rows_BC.shape, np.bool_)
    found_BC.ravel()[places_BX[(keys[places_BX] == wanted_BX) & (asked_BX != NO_ITEM)]] = True
    return found_BC


def look_up(
    rows_BC: NDArray[np.int32], scored_rows_BX: NDArray[np.int32], scored_BX: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The score of each row where it is among the scored ones, else 0."""
    # row and score in one number, because numbers are sorted many times as fast as their order is found
    pairs_BX = scored_BX.view(np.uint32) | unsigned(scored_rows_BX) << HALF
    pairs_BX.sort(axis=1)
    keys = row_keys((pairs_BX >> HALF).astype(np.uint32)).ravel()
    wanted_BC = row_keys(rows_BC)
    places_BC = np.minimum(np.searchsorted(keys, wanted_BC), len(keys) - 1)
    found_BC = pairs_BX.astype(np.uint32).view(np.float32).ravel()[places_BC]
    return np.where((keys[places_BC] == wanted_BC) & (rows_BC != NO_ITEM), found_BC, np.float32(0.0))
