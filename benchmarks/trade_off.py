"""Accuracy against coverage and variety of lists: by the generator's noise, or by what needs no noise."""

# B users, K places, S samples, N items, V content values, C candidates

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyversity import dpp, mmr
from scipy import sparse
from scipy.sparse.linalg import svds

from models.data.split import EvaluationCases
from models.metrics.beyond_accuracy import coverage, intra_list_diversity
from models.metrics.ranking import hit_rate, hits, ndcg
from models.recommend.ranker import Ranker
from models.recommend.systems import Stage

LIST_LENGTH: Final = 10
POOL: Final = 100
"""What rivals of the noise choose their lists from: the best without noise."""
NOISE_LEVELS: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
RELEVANCE_GIVEN_UP: Final = (0.0, 0.001, 0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.1, 0.2, 0.4)
"""Of MMR, on scores and likeness that both run from 0 to 1."""
RELEVANCE_WEIGHTS: Final = (0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0)
"""Of DPP: the exponent of its standardised scores; more would overflow the library's float32."""
POPULARITY_WEIGHTS: Final = (0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.4)
"""What the logarithm of an item's events takes from the logit of its score."""
TEMPERATURES: Final = (0.01, 0.02, 0.035, 0.05, 0.1, 0.12, 0.14, 0.16, 0.2, 0.4, 0.8)

Lists = tuple[NDArray[np.int32], NDArray[np.float32]]
"""Rows and falling scores [B, K]."""
Point = dict[str, Any]


@dataclass(frozen=True)
class TradingOff:
    """One ranker's lists of some held-out users, at one stage."""

    ranker: Ranker
    stage: Stage
    cases: EvaluationCases
    content_NV: sparse.csr_array
    exclude_seen: bool
    seed: int

    def by_noise(self, samples: int, levels: Sequence[float] = NOISE_LEVELS) -> list[Point]:
        """A point for each level of the noise, everything else equal."""
        return [self._point("noise", level, self.ranked(LIST_LENGTH, level, samples)) for level in levels]

    def by_others(self) -> list[Point]:
        """A point for each setting of each way that needs no noise; all choose from the same pools."""
        rows_BC, scores_BC = self.ranked(POOL, 0.0, 1)
        points = [self._point("none", 0.0, (rows_BC[:, :LIST_LENGTH], scores_BC[:, :LIST_LENGTH]))]
        for share in RELEVANCE_GIVEN_UP:
            lists = _varied(partial(mmr, diversity=share), rows_BC, scores_BC, self._dense_NV)
            points.append(self._point("MMR", share, lists))
        for weight in RELEVANCE_WEIGHTS:
            lists = _varied(partial(dpp, diversity=0.5, scale=2 * weight), rows_BC, scores_BC, self._dense_NV)
            points.append(self._point("DPP", weight, lists))
        logits_BC = np.log(scores_BC) - np.log1p(-np.minimum(scores_BC, 1 - 1e-6))
        log_events_BC = np.log1p(self.ranker.facts.events_N[rows_BC])
        for weight in POPULARITY_WEIGHTS:
            best_BK = np.argsort(weight * log_events_BC - logits_BC, axis=1, kind="stable")[:, :LIST_LENGTH]
            points.append(self._point("seldom bought", weight, _at(best_BK, rows_BC)))
        rng = np.random.default_rng(self.seed)
        for temperature in TEMPERATURES:
            drawn_BC = logits_BC + temperature * rng.gumbel(size=logits_BC.shape)
            best_BK = np.argsort(-drawn_BC, axis=1)[:, :LIST_LENGTH]
            points.append(self._point("temperature", temperature, _at(best_BK, rows_BC)))
        return points

    def ranked(self, k: int, level: float, samples: int) -> Lists:
        """Lists of `k` places with noise of this level, drawn by the seed."""
        rng = np.random.default_rng(self.seed)
        questions = self.ranker.best_guesses(self.cases.histories, k, self.exclude_seen)
        noise = level * rng.standard_normal((len(questions), samples, self.ranker.noise_size)).astype(np.float32)
        asked = [replace(each, noise_SZ=noise_SZ) for each, noise_SZ in zip(questions, noise, strict=True)]
        return self.ranker.rank_all(asked, k, self.stage)

    @cached_property
    def _dense_NV(self) -> NDArray[np.float32]:
        """The best 128 dimensions of the content that lists are measured by: MMR and DPP know what counts."""
        left_ND, values_D, _ = svds(self.content_NV, k=128, random_state=0)
        return np.asarray(left_ND * values_D, np.float32)

    def _point(self, name: str, level: float, lists: Lists) -> Point:
        rows_BK, scores_BK = lists
        hits_BK = hits(rows_BK, scores_BK, self.cases.target_offsets_U1, self.cases.targets_T)
        return {
            "by": name,
            "level": level,
            "ndcg@10": round(float(ndcg(hits_BK, np.diff(self.cases.target_offsets_U1), LIST_LENGTH).mean()), 5),
            "hr@10": round(float(hit_rate(hits_BK, LIST_LENGTH).mean()), 5),
            "coverage@10": round(coverage(rows_BK, self.content_NV.shape[0]), 5),
            "ild@10": round(float(np.nanmean(intra_list_diversity(rows_BK, self.content_NV))), 5),
        }


def best_within(points: Sequence[Point], metric: str, floor: float) -> float:
    """The most of a metric among points whose NDCG@10 is at least `floor`; 0 where none is."""
    return max((point[metric] for point in points if point["ndcg@10"] >= floor), default=0.0)


def _varied(
    choose: Callable[..., Any],
    rows_BC: NDArray[np.int32],
    scores_BC: NDArray[np.float32],
    dense_NV: NDArray[np.float32],
) -> Lists:
    """What MMR or DPP picks of each pool."""
    low_B1, high_B1 = scores_BC.min(axis=1, keepdims=True), scores_BC.max(axis=1, keepdims=True)
    relevance_BC = (scores_BC - low_B1) / np.maximum(high_B1 - low_B1, 1e-9)
    picked = [
        choose(dense_NV[rows_C], relevance_C, LIST_LENGTH).indices
        for rows_C, relevance_C in zip(rows_BC, relevance_BC, strict=True)
    ]
    return _at(np.stack(picked), rows_BC)


def _at(picked_BK: NDArray[Any], rows_BC: NDArray[np.int32]) -> Lists:
    """Lists of the picked columns, in that order."""
    scores_BK = np.broadcast_to(np.arange(LIST_LENGTH, 0, -1, dtype=np.float32), picked_BK.shape)
    return np.take_along_axis(rows_BC, picked_BK.astype(np.int64), axis=1), scores_BK
