"""How plausible each step of a history is for its own shopper: the percentile of its score among other items."""

# B histories, E events of all histories, S steps in one call, C items compared, D features, V voices, K comparisons
# N items, L events, E text embedding

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.domain.item_rows import NO_ITEM
from models.domain.layered_rows import Rows
from models.domain.stages import timed
from models.features.histories import HistoryBatch, encode_histories
from models.features.spec import FeatureSpec
from models.recommend.candidates import CandidateSource, look_up

VOICES: Final = ("critic", "generator", "neighbours", "text")
"""Who gives the scores: the discriminator's verdict, the nearness to the generated wish, what is taken together, and
the texts of what else was taken."""
COMPARISONS: Final = ("any", "popular")
"""Among which items: drawn from all of them, or those that sell about as well."""
NUM_COMPARED: Final = 64
"""Of each kind of comparison."""
STEPS_PER_CALL: Final = 512
NEAR_TEXTS: Final = 2
"""A text is as near to a history as it is to so many of its items: one alone would be near by chance."""


@dataclass(frozen=True, slots=True)
class StepScorer:
    """Asks the networks about one step after the other, each against all the others of its history.

    Raw scores are never compared across shoppers: only a step's place among other items for the same shopper is used.
    """

    source: CandidateSource
    spec: FeatureSpec
    noise_size: int
    text_NE: Rows
    drawn_C: NDArray[np.int32]
    """The same items for every step, so that a verdict does not depend on its company."""
    by_sales_N: NDArray[np.int32]
    place_by_sales_N: NDArray[np.int32]
    sales_N: NDArray[np.float32]
    """As `ranked_sales` says."""

    @classmethod
    def over(
        cls,
        source: CandidateSource,
        spec: FeatureSpec,
        events_N: NDArray[np.float32],
        noise_size: int,
        text_NE: Rows,
    ) -> "StepScorer":
        """A scorer over the items as they are; `events_N` counts the events of each."""
        drawn_N = np.random.default_rng(0).permutation(len(events_N)).astype(np.int32)
        if source.is_gone_N is not None:
            drawn_N = drawn_N[~source.is_gone_N[drawn_N]]
        by_sales_N = drawn_N[np.argsort(events_N[drawn_N], kind="stable")]
        place_by_sales_N = np.searchsorted(events_N[by_sales_N], events_N).astype(np.int32)
        place_by_sales_N[by_sales_N] = np.arange(len(by_sales_N))
        sales_N = ranked_sales(events_N, events_N[by_sales_N])
        return cls(source, spec, noise_size, text_NE, drawn_N[:NUM_COMPARED], by_sales_N, place_by_sales_N, sales_N)

    def percentiles(self, histories: Sequences) -> NDArray[np.float32]:
        """[E, V, K] in [0, 1], low where a step is implausible; .5 where there is nothing to compare it with."""
        parts = [self._of_call(*call) for call in self._calls(histories)]
        return np.concatenate(parts) if parts else np.empty((0, len(VOICES), len(COMPARISONS)), np.float32)

    def _calls(self, histories: Sequences) -> Iterator[tuple[HistoryBatch, NDArray[np.int32]]]:
        """Bounded numbers of steps: the rest of each step's history, and its item."""
        users_E = histories.users_of_events_E()
        for start in range(0, histories.num_events, STEPS_PER_CALL):
            events = np.arange(start, min(start + STEPS_PER_CALL, histories.num_events))
            rest = []
            for event in events:
                first, last = histories.offsets_U1[users_E[event]], histories.offsets_U1[users_E[event] + 1]
                others = np.r_[first:event, event + 1 : last]
                rest.append(
                    (histories.item_rows_E[others], histories.event_types_E[others], histories.timestamps_E[others])
                )
            batch = encode_histories(rest, max_events=self.spec.max_history_events, uses_time=self.spec.uses_time)
            yield batch, histories.item_rows_E[events]

    def _of_call(self, rest: HistoryBatch, rows_S: NDArray[np.int32]) -> NDArray[np.float32]:
        compared_SC = self._compared(rows_S)
        asked_SC = np.concatenate([rows_S[:, None], compared_SC], axis=1)
        wishes = self.source.wishes(rest, np.zeros((len(rows_S), 1, self.noise_size), np.float32))
        features_SCD = self.source.item_features_ND[asked_SC]
        with timed("judge"):
            scores_SCV = np.stack(
                [
                    self.source.critic({"taste": wishes.taste_BD, "candidates": features_SCD}),
                    self.source.likelihood(wishes, features_SCD),
                    look_up(asked_SC, wishes.scored_rows_BX, wishes.scored_BX),
                    self._text_scores(rest, asked_SC),
                ],
                axis=2,
            )
        known_SC = ~(compared_SC[:, :, None] == rest.item_rows_BL[:, None, :]).any(axis=2)
        known_SC &= compared_SC != rows_S[:, None]
        below_SCV = (scores_SCV[:, 1:] < scores_SCV[:, :1]) + 0.5 * (scores_SCV[:, 1:] == scores_SCV[:, :1])
        below_SCV *= known_SC[..., None]
        kinds = np.split(np.arange(compared_SC.shape[1]), [len(self.drawn_C)])
        places_SVK = [
            (below_SCV[:, kind].sum(axis=1) + 0.5) / (known_SC[:, kind].sum(axis=1)[:, None] + 1.0) for kind in kinds
        ]
        return np.stack(places_SVK, axis=2).astype(np.float32)

    def _text_scores(self, rest: HistoryBatch, asked_SC: NDArray[np.int32]) -> NDArray[np.float32]:
        """Mean cosine of each item's text to the nearest of the history's."""
        scores_SC = np.empty(asked_SC.shape, np.float32)
        for step, (rows_L, asked_C) in enumerate(zip(rest.item_rows_BL, asked_SC, strict=True)):
            history_LE = np.asarray(self.text_NE[rows_L[rows_L != NO_ITEM]], np.float32)
            cosine_CL = np.asarray(self.text_NE[asked_C], np.float32) @ history_LE.T
            scores_SC[step] = np.sort(cosine_CL, axis=1)[:, -NEAR_TEXTS:].mean(axis=1)
        return scores_SC

    def _compared(self, rows_S: NDArray[np.int32]) -> NDArray[np.int32]:
        """The drawn items, then those whose sales are nearest to the step's own."""
        span = min(NUM_COMPARED + 1, len(self.by_sales_N))
        first_S = np.clip(self.place_by_sales_N[rows_S] - span // 2, 0, len(self.by_sales_N) - span)
        popular_SC = self.by_sales_N[first_S[:, None] + np.arange(span)]
        return np.concatenate([np.broadcast_to(self.drawn_C, (len(rows_S), len(self.drawn_C))), popular_SC], axis=1)


def ranked_sales(events_N: NDArray[np.float32], ascending_X: NDArray[np.float32]) -> NDArray[np.float32]:
    """How well each item sells among others: minus the logarithm of the share of them that sell better, ties by half.

    Counts themselves depend on how many shoppers were counted, and a detector is fitted on the counts of half of them.
    """
    below_N, up_to_N = (np.searchsorted(ascending_X, events_N, side) for side in ("left", "right"))
    num = max(1, len(ascending_X))
    better_N = 1.0 - (below_N + up_to_N) / (2.0 * num)
    return np.asarray(-np.log(better_N + 0.5 / num), np.float32)


def newest(histories: Sequences, most: int) -> Sequences:
    """The newest `most` events of each."""
    from_end_E = np.repeat(histories.offsets_U1[1:], histories.lengths_U) - np.arange(histories.num_events)
    return histories.take_events(from_end_E <= most)
