"""What the bundle is worth on held-out events, measured on the very files that will be sealed."""

# B cases, K places, S samples

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from models.data.split import EvaluationCases
from models.domain.progress import Progress
from models.evaluation.content_vectors import content_vectors
from models.evaluation.evaluate import score_systems
from models.metrics.beyond_accuracy import coverage, intra_list_diversity
from models.metrics.ranking import hit_rate, hits, ndcg
from models.pipeline.prepare import Prepared
from models.recommend.ranker import Question, Ranker
from models.recommend.recommender import Recommender

EXPLORATION_LEVELS: Final = (0.0, 0.25, 0.5, 1.0)
EXPLORATION_CASES: Final = 1_000
EXPLORATION_SAMPLES: Final = 8
LIST_LENGTH: Final = 10


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures for the manifest; empty where no event is held out."""

    scoreboard: Mapping[str, Mapping[str, float]]
    exploration: Mapping[str, Mapping[str, float]]


def measure(recommender: Recommender, prepared: Prepared, *, seed: int, progress: Progress) -> Measured:
    """The scoreboard of the bundle's stages and the cheap rivals, and what exploration does to the list."""
    if prepared.split.test is None:
        return Measured({}, {})
    report = score_systems(
        None, prepared.dataset, prepared.split, recommender, keep_seen=False, seed=seed, progress=progress
    )
    return Measured(
        scoreboard={name: dict(score.metrics) for name, score in report.scores.items()},
        exploration=_exploration(recommender.ranker, prepared, prepared.split.test, seed),
    )


def _exploration(ranker: Ranker, prepared: Prepared, cases: EvaluationCases, seed: int) -> dict[str, dict[str, float]]:
    """Accuracy, variety and reach of the generator's lists at each noise scale, on a sample of cases."""
    known = np.flatnonzero(cases.histories.lengths_U > 0)[:EXPLORATION_CASES]
    vectors_NV = content_vectors(prepared.dataset.catalogue)
    effect = {}
    for level in EXPLORATION_LEVELS:
        rng = np.random.default_rng(seed)
        rows_BK = np.full((len(known), LIST_LENGTH), -1, np.int32)
        questions = [_noisy(ranker, cases, int(user), prepared.exclude_seen, level, rng) for user in known]
        for start in range(0, len(known), 64):
            ranked = ranker.rank(questions[start : start + 64], "generator")
            for user, answer in enumerate(ranked, start=start):
                rows_BK[user, : len(answer.rows_K)] = answer.rows_K
        places_BK = -np.broadcast_to(np.arange(LIST_LENGTH, dtype=np.float32), rows_BK.shape)
        offsets, targets = _targets(cases, known)
        hits_BK = hits(rows_BK, places_BK, offsets, targets)
        effect[f"{level:g}"] = {
            "hr@10": float(hit_rate(hits_BK, LIST_LENGTH).mean()),
            "ndcg@10": float(ndcg(hits_BK, np.diff(offsets), LIST_LENGTH).mean()),
            "coverage@10": coverage(rows_BK, len(prepared.dataset.catalogue)),
            "ild@10": float(intra_list_diversity(rows_BK, vectors_NV).mean()),
        }
    return effect


def _noisy(
    ranker: Ranker,
    cases: EvaluationCases,
    user: int,
    exclude_seen: bool,
    level: float,
    rng: np.random.Generator,
) -> Question:
    plain = ranker.best_guess(cases.histories, user, LIST_LENGTH, exclude_seen)
    noise_SZ = level * rng.standard_normal((EXPLORATION_SAMPLES, ranker.noise_size))
    return replace(plain, noise_SZ=noise_SZ.astype(np.float32), hide_out_of_stock=True)


def _targets(cases: EvaluationCases, users: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and targets of these cases alone."""
    targets = [cases.targets_of(int(user)) for user in users]
    offsets = np.concatenate([[0], np.cumsum([len(each) for each in targets])]).astype(np.int64)
    return offsets, np.concatenate(targets)
