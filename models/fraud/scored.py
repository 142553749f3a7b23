"""Histories with all that is known of them before anybody decides."""

# B histories, E events of all histories, V voices, K comparisons, F figures

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.data.sequences import Sequences
from models.fraud.behaviour import BEHAVIOUR, behaviour_figures
from models.fraud.group import GROUP, GroupFigures, group_figures
from models.fraud.steps import COMPARISONS, StepScorer, newest
from models.recommend.ranker import Ranker

IN_POOL: Final = ("suspicion", "log_events", *GROUP)
"""What is said of a history within a pool."""
POOL: Final = (*IN_POOL, *(f"{name}_by_counts" for name in IN_POOL))
"""The same twice: with what the networks say, and by counts alone. Attackers who know what goes together look plausible
to the networks; counts still tell them (benchmarks/fraud_sessions.py)."""
NO_PERCENTILE: Final = float(np.exp(-1.0))
"""Says nothing: its surprise is the mean of an even spread."""
AMONG_ANY: Final = COMPARISONS.index("any")
AMONG_POPULAR: Final = COMPARISONS.index("popular")


@dataclass(frozen=True, slots=True)
class ScoredHistories:
    """Histories, the percentiles of their steps, and their own figures."""

    histories: Sequences
    percentiles_EVK: NDArray[np.float32]
    figures_BF: NDArray[np.float32]

    @classmethod
    def of(cls, histories: Sequences, scorer: StepScorer, ranker: Ranker) -> "ScoredHistories":
        """Every step is asked about; of long histories the newest that the networks can see. None is empty."""
        histories = newest(histories, ranker.spec.max_history_events)
        percentiles_EVK = scorer.percentiles(histories)
        figures_BF = behaviour_figures(
            histories, percentiles_EVK, ranker.facts, scorer.sales_N, ranker.source.item_features_ND
        )
        return cls(histories, percentiles_EVK, figures_BF)

    def without_networks(self) -> "ScoredHistories":
        """The same, as if nobody had been asked about the steps."""
        return ScoredHistories(self.histories, np.full_like(self.percentiles_EVK, NO_PERCENTILE), self.figures_BF)

    def take(self, numbers: NDArray[np.int64]) -> "ScoredHistories":
        """Only these histories, in this order."""
        starts, lengths = self.histories.offsets_U1[numbers], self.histories.lengths_U[numbers]
        events = np.repeat(starts - np.r_[0, np.cumsum(lengths)[:-1]], lengths) + np.arange(lengths.sum())
        return ScoredHistories(
            self.histories.take_users(numbers), self.percentiles_EVK[events], self.figures_BF[numbers]
        )

    def beside(self, others: "ScoredHistories") -> "ScoredHistories":
        """These, then the others."""
        mine, theirs = self.histories, others.histories
        return ScoredHistories(
            Sequences(
                user_ids=[*mine.user_ids, *theirs.user_ids],
                offsets_U1=np.concatenate([mine.offsets_U1, mine.num_events + theirs.offsets_U1[1:]]),
                item_rows_E=np.concatenate([mine.item_rows_E, theirs.item_rows_E]),
                event_types_E=np.concatenate([mine.event_types_E, theirs.event_types_E]),
                timestamps_E=np.concatenate([mine.timestamps_E, theirs.timestamps_E]),
            ),
            np.concatenate([self.percentiles_EVK, others.percentiles_EVK]),
            np.concatenate([self.figures_BF, others.figures_BF]),
        )


def pool_figures(
    pool: ScoredHistories, suspicion_B: NDArray[np.float32], events_N: NDArray[np.float32]
) -> tuple[NDArray[np.float32], GroupFigures]:
    """[B, len(IN_POOL)] of each history among all, and the group that speaks most against it.

    `suspicion_B`: what each history's own figures say, as log odds. `events_N`: events of each item before this pool.
    """
    # of an item that sold nothing before, and may have been launched since, nobody knows what would be usual
    usual_N = np.where(events_N > 0, events_N / events_N.sum() * pool.histories.num_events, np.nan)
    found = group_figures(
        pool.histories,
        suspicion_B,
        pool.percentiles_EVK[:, :, AMONG_POPULAR].mean(axis=1),
        usual_N.astype(np.float32),
    )
    log_events_B = pool.figures_BF[:, BEHAVIOUR.index("log_events")]
    return np.concatenate([np.stack([suspicion_B, log_events_B], axis=1), found.figures_BG], axis=1), found


def pool_figures_twice(
    pool: ScoredHistories,
    suspicion_B: NDArray[np.float32],
    by_counts_B: NDArray[np.float32],
    events_N: NDArray[np.float32],
) -> tuple[NDArray[np.float32], GroupFigures]:
    """[B, len(POOL)]; `by_counts_B` is what counts and times alone say of each history."""
    with_networks_BG, found = pool_figures(pool, suspicion_B, events_N)
    by_counts_BG, _ = pool_figures(pool.without_networks(), by_counts_B, events_N)
    return np.concatenate([with_networks_BG, by_counts_BG], axis=1), found
