"""One system, one set of cases, every metric: full ranking over all items."""

# B cases, K places, N items, V content values

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.data.split import EvaluationCases
from models.evaluation.systems import System
from models.metrics.beyond_accuracy import coverage, exposure_gini, intra_list_diversity, mean_of_known, novelty
from models.metrics.bootstrap import mean_interval
from models.metrics.calibration import miscalibration
from models.metrics.ranking import hit_rate, hits, ndcg, reciprocal_rank

CUTOFFS: Final = (5, 10, 20)
LIST_CUTOFF: Final = 10
HEADLINES: Final = ("hr@10", "ndcg@10")
"""Given with intervals, and for each segment."""
DEPTH: Final = 100
"""Places asked for: ties at the last cut-off are judged by what stands below it."""


@dataclass(frozen=True, slots=True)
class Measuring:
    """What the metrics need to know beside the lists."""

    cases: EvaluationCases
    num_events_N: NDArray[np.int64]
    """Training events of each item."""
    content_NV: sparse.csr_array
    """Unit rows by which two items are alike; the same for every system."""
    groups_N: NDArray[np.int32]
    """Each item's kind, by which lists are held against histories; -1 where unknown."""
    exclude_seen: bool
    seed: int

    @property
    def depth(self) -> int:
        """Places asked for; one more than there are items tells that a list ends."""
        return min(DEPTH, len(self.num_events_N) + 1)


@dataclass(frozen=True, slots=True)
class Score:
    """A system's row of the table, and what it did for each case."""

    metrics: Mapping[str, float]
    """By the names of `figment evaluate --json`, means over cases.

    No `ild@10` where no list has two items with content, no `miscalibration@10` without known kinds.
    """
    intervals: Mapping[str, tuple[float, float]]
    """95 % intervals of `hr@10` and `ndcg@10`."""
    segments: Mapping[str, Mapping[str, float]]
    """`new_users`, `known_users`, `new_items`, `known_items`, `taken_before`, `first_time` → `num_users`, `hr@10`,
    `ndcg@10`.

    Only those that there are; shoppers are divided only where some of them are new.
    """
    per_case: Mapping[str, NDArray[np.float64]]
    """Each accuracy metric of each case, [B], for paired comparison."""
    ndcg_of_segments: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """NDCG@10 of each case of a segment, likewise."""


def score_system(system: System, measuring: Measuring) -> Score:
    """Rank every case and measure."""
    started = time.perf_counter()
    rows_BK, scores_BK = system.rank(measuring.cases.histories, measuring.depth, exclude_seen=measuring.exclude_seen)
    return score_lists(rows_BK, scores_BK, time.perf_counter() - started, measuring)


def score_lists(
    rows_BK: NDArray[np.int32], scores_BK: NDArray[np.float32], seconds: float, measuring: Measuring
) -> Score:
    """Measure lists of `measuring.depth` places, which took so long."""
    cases = measuring.cases
    hits_BK = hits(rows_BK, scores_BK, cases.target_offsets_U1, cases.targets_T)
    per_case = _per_case(hits_BK, np.diff(cases.target_offsets_U1))
    shown_BK = rows_BK[:, :LIST_CUTOFF]
    metrics = {name: float(values_B.mean()) for name, values_B in per_case.items()}
    metrics |= {
        "coverage@10": coverage(shown_BK, len(measuring.num_events_N)),
        "gini@10": exposure_gini(shown_BK, len(measuring.num_events_N)),
        "novelty@10": float(novelty(shown_BK, measuring.num_events_N).mean()),
        "seconds": seconds,
    }
    histories = cases.histories
    of_content = {
        "ild@10": intra_list_diversity(shown_BK, measuring.content_NV),
        "miscalibration@10": miscalibration(shown_BK, histories.offsets_U1, histories.item_rows_E, measuring.groups_N),
    }
    metrics |= {name: mean for name, values_B in of_content.items() if (mean := mean_of_known(values_B)) is not None}
    segments = _segments(rows_BK, scores_BK, per_case, measuring)
    return Score(
        metrics=metrics,
        intervals={name: mean_interval(per_case[name], measuring.seed) for name in HEADLINES},
        segments={
            name: {"num_users": len(values["ndcg@10"]), **{each: float(found.mean()) for each, found in values.items()}}
            for name, values in segments.items()
        },
        per_case=per_case,
        ndcg_of_segments={name: values["ndcg@10"] for name, values in segments.items()},
    )


def _per_case(hits_BK: NDArray[np.bool_], num_targets_B: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    values: dict[str, NDArray[np.float64]] = {}
    for k in CUTOFFS:
        values[f"hr@{k}"] = hit_rate(hits_BK, k)
        values[f"ndcg@{k}"] = ndcg(hits_BK, num_targets_B, k)
        values[f"mrr@{k}"] = reciprocal_rank(hits_BK, k)
    return values


def _segments(
    rows_BK: NDArray[np.int32],
    scores_BK: NDArray[np.float32],
    per_case: Mapping[str, NDArray[np.float64]],
    measuring: Measuring,
) -> dict[str, dict[str, NDArray[np.float64]]]:
    """The headlines of each case that a segment asks about, for all segments that there are.

    Shoppers without a history apart from those with one, and targets by kind: new, without a training event and not in
    this shopper's history either, and known, with one; where seen items stay in the lists, taken before by this shopper
    and taken for the first time.

    In a basket of several kinds, each segment asks for its own kind only: to find the known one is no merit among the
    new.
    """
    cases = measuring.cases
    is_new_B = cases.histories.lengths_U == 0
    segments = {"new_users": _of(per_case, is_new_B)}
    if is_new_B.any():
        segments["known_users"] = _of(per_case, ~is_new_B)
    is_known_T, again_T = measuring.num_events_N[cases.targets_T] > 0, cases.is_taken_before_T
    asked = {"new_items": ~is_known_T & ~again_T, "known_items": is_known_T}
    if not measuring.exclude_seen:
        asked |= {"taken_before": again_T, "first_time": ~again_T}
    for name, asked_T in asked.items():
        offsets_B1 = np.concatenate([[0], np.cumsum(asked_T)])[cases.target_offsets_U1]
        num_asked_B = np.diff(offsets_B1)
        found_BK = hits(rows_BK, scores_BK, offsets_B1, cases.targets_T[asked_T])
        segments[name] = _of(_per_case(found_BK, num_asked_B), num_asked_B > 0)
    return {name: values for name, values in segments.items() if len(values["ndcg@10"])}


def _of(per_case: Mapping[str, NDArray[np.float64]], mask_B: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
    return {name: per_case[name][mask_B] for name in HEADLINES}
