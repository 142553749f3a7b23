"""What each search profile finds and takes, measured on the very bundle when it is made."""

# K nearest

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, get_args

import numpy as np
from numpy.typing import NDArray

from models.domain.recommendation import RecommendationRequest, SearchProfile
from models.recommend.golden import made_up_histories
from models.recommend.recommender import Recommender
from models.retrieval.faiss_index import one_search_thread

PROFILES: Final[tuple[SearchProfile, ...]] = get_args(SearchProfile)
LONGEST_HISTORY: Final = 16
NUM_TIMED: Final = 64
"""Each alone, as a lone request asks."""
ROUNDS: Final = 3
"""The fastest of so many counts: others found less in the cache."""


@dataclass(frozen=True, slots=True)
class ProfileFigures:
    """Of one profile: lists of ten, each asked alone with a made-up history; processor time of one thread."""

    recall: float
    """Share of the true 100 nearest that its search finds."""
    p50_microseconds: float
    p95_microseconds: float


def measure_profiles(
    recommender: Recommender, popularity_N: NDArray[np.float32], index_recall: float, seed: int
) -> dict[SearchProfile, dict[str, Any]]:
    """Figures by profile, as the manifest keeps them; `index_recall` is that of the index that `exact` does not ask."""
    sizes = [1 + number % LONGEST_HISTORY for number in range(NUM_TIMED)]
    histories = made_up_histories(recommender.item_ids, popularity_N, sizes, seed)
    asked = {
        profile: [RecommendationRequest(history, seed=seed, search_profile=profile) for history in histories]
        for profile in PROFILES
    }
    with one_search_thread():
        micros = _microseconds(recommender, asked)
    return {
        profile: asdict(
            ProfileFigures(
                recall=1.0 if profile == "exact" else index_recall,
                p50_microseconds=round(float(np.median(each)), 1),
                p95_microseconds=round(float(np.quantile(each, 0.95)), 1),
            )
        )
        for profile, each in micros.items()
    }


def _microseconds(
    recommender: Recommender, asked: Mapping[SearchProfile, Sequence[RecommendationRequest]]
) -> dict[SearchProfile, NDArray[np.float64]]:
    """Of each request, by profile; the profiles take turns, so that a slow moment is none's alone."""
    rounds: dict[SearchProfile, list[list[float]]] = {profile: [] for profile in asked}
    for _ in range(ROUNDS):
        for profile, requests in asked.items():
            rounds[profile].append([_seconds(recommender, request) for request in requests])
    return {profile: np.asarray(1e6 * np.array(each).min(axis=0)) for profile, each in rounds.items()}


def _seconds(recommender: Recommender, request: RecommendationRequest) -> float:
    """Of the processor: on a busy machine the clock says what else ran."""
    started = time.thread_time()
    recommender.recommend([request])
    return time.thread_time() - started
